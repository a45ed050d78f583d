/**
 * Ghost text that grows while the model writes it.
 *
 * VS Code asks once and takes one answer. Here the first answer is the first partial text; each later one hides the
 * ghost text and makes VS Code ask again, and that question is answered from what has arrived by then.
 */
import * as vscode from "vscode";
import type { LanguageClient, Range } from "vscode-languageclient/node";

/** Parameters of `midfill/inlineCompletionPartial`: `text` is all of the completion so far. */
export interface Partial {
  readonly textDocument: { readonly uri: string; readonly version: number };
  readonly position: { readonly line: number; readonly character: number };
  readonly range?: Range;
  readonly text: string;
}

type Items = vscode.InlineCompletionItem[] | vscode.InlineCompletionList;

/** Sends `textDocument/inlineCompletion`. */
export type Ask = (
  document: vscode.TextDocument,
  position: vscode.Position,
  context: vscode.InlineCompletionContext,
  token: vscode.CancellationToken,
) => vscode.ProviderResult<Items>;

/** Context key: more of the ghost text on show is to come. */
const WRITING = "midfill.writing";
/** Context key: the ghost text is hidden for a moment, to come back longer. */
const GROWING = "midfill.growing";

/** One request to the server, which may answer several questions of VS Code. */
class Flight {
  readonly source = new vscode.CancellationTokenSource();
  /** What to show now; undefined until the first partial text or the reply. */
  items: Items | undefined;
  /** Whether `items` is the reply: no more will come. */
  landed = false;
  /** The text that VS Code was given last; undefined before. */
  shown: string | undefined;
  /** Settles with the first partial text or the reply, whichever comes first. */
  readonly first: Promise<void>;
  private arrived!: () => void;

  constructor(
    readonly document: vscode.TextDocument,
    readonly version: number,
    readonly position: vscode.Position,
    /** The entry selected in the popup, which the completion begins with. */
    readonly selected: string | undefined,
  ) {
    this.first = new Promise((resolve) => (this.arrived = resolve));
  }

  /** Whether it answers a question about this place in this very text. */
  answers(document: vscode.TextDocument, position: vscode.Position): boolean {
    return this.document === document && this.version === document.version && this.position.isEqual(position);
  }

  isShown(): boolean {
    return this.items === undefined || this.shown === text(this.items);
  }

  /** Takes newer items. */
  take(items: Items): void {
    this.items = items;
    this.arrived();
  }
}

export class GhostText implements vscode.Disposable {
  private flight: Flight | undefined;
  private isWriting = false;
  /** Settles when the newest text is on show; undefined if it is. */
  private refreshed: Promise<void> | undefined;
  private readonly subscriptions = [
    vscode.workspace.onDidChangeTextDocument((event) => this.leave(event.document)),
    vscode.window.onDidChangeTextEditorSelection((event) => this.leave(event.textEditor.document)),
  ];

  /** Middleware for `textDocument/inlineCompletion`. */
  async provide(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
    next: Ask,
  ): Promise<Items> {
    let flight = this.flight;
    // Asked again by no doing of ours after the reply: the user wants a new one.
    const over = flight?.landed && this.refreshed === undefined;
    const selected = context.selectedCompletionInfo?.text;
    if (flight === undefined || over || flight.selected !== selected || !flight.answers(document, position)) {
      flight = this.takeOff(new Flight(document, document.version, position, selected), context, next);
    }
    const asked = flight;
    const cancelled = token.onCancellationRequested(() => {
      if (this.refreshed === undefined) this.abandon(asked);
    });
    await flight.first;
    cancelled.dispose();
    const items = flight.items ?? [];
    flight.shown = text(items);
    return items;
  }

  /** Handler of `midfill/inlineCompletionPartial`. */
  partial(client: LanguageClient, { textDocument, position, range, text }: Partial): void {
    const flight = this.flight;
    if (flight === undefined || flight.source.token.isCancellationRequested) return;
    if (client.code2ProtocolConverter.asUri(flight.document.uri) !== textDocument.uri) return;
    if (flight.version !== textDocument.version) return;
    if (!flight.position.isEqual(client.protocol2CodeConverter.asPosition(position))) return;
    const where = client.protocol2CodeConverter.asRange(range) ?? new vscode.Range(flight.position, flight.position);
    this.grow(flight, [new vscode.InlineCompletionItem(text, where)]);
  }

  /** Accepts the ghost text in a moment in which it is hidden to grow: <Tab> must not become a tab then. */
  async accept(): Promise<void> {
    await this.refreshed;
    await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
  }

  /** Hides the ghost text for good, instead of until its next piece. */
  async dismiss(): Promise<void> {
    if (this.flight !== undefined) this.abandon(this.flight);
    await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
  }

  dispose(): void {
    this.flight?.source.cancel();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private takeOff(flight: Flight, context: vscode.InlineCompletionContext, next: Ask): Flight {
    this.flight?.source.cancel();
    this.flight = flight;
    // A token of our own: hiding the ghost text to let it grow cancels VS Code's.
    Promise.resolve(next(flight.document, flight.position, context, flight.source.token)).then(
      (items) => this.land(flight, items ?? []),
      () => this.land(flight, []), // the client has logged it
    );
    return flight;
  }

  private land(flight: Flight, items: Items): void {
    flight.landed = true;
    this.grow(flight, items);
  }

  private grow(flight: Flight, items: Items): void {
    flight.take(items);
    if (this.flight !== flight) return;
    this.writing = !flight.landed;
    if (flight.shown !== undefined) this.refreshed ??= this.refresh();
  }

  /** Cancels the request in flight when the text or the cursor it was for is no more. */
  private leave(document: vscode.TextDocument): void {
    const flight = this.flight;
    if (flight === undefined || flight.document !== document) return;
    const cursor = vscode.window.activeTextEditor?.selection.active;
    if (cursor !== undefined && flight.answers(document, cursor)) return;
    this.abandon(flight);
  }

  private abandon(flight: Flight): void {
    flight.source.cancel();
    flight.take([]);
    if (this.flight !== flight) return;
    this.flight = undefined;
    this.writing = false;
  }

  private set writing(writing: boolean) {
    if (this.isWriting === writing) return;
    this.isWriting = writing;
    void vscode.commands.executeCommand("setContext", WRITING, writing);
  }

  /** Lets VS Code ask again until it has seen the newest text. Texts that arrive meanwhile share one more round. */
  private async refresh(): Promise<void> {
    await vscode.commands.executeCommand("setContext", GROWING, true);
    try {
      let tried: Items | undefined; // once for each text: VS Code need not ask
      for (let flight = this.flight; flight !== undefined; flight = this.flight) {
        if (flight.isShown() || flight.items === tried) break;
        tried = flight.items;
        // Sent together, so that nothing is on show for one round trip and no more.
        const hidden = vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
        await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        await hidden;
      }
    } finally {
      this.refreshed = undefined;
      await vscode.commands.executeCommand("setContext", GROWING, false);
    }
  }
}

function text(items: Items): string {
  const first = Array.isArray(items) ? items[0] : items.items[0];
  if (first === undefined) return "";
  return typeof first.insertText === "string" ? first.insertText : first.insertText.value;
}
