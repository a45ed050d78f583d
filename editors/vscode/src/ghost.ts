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

/** One request to the server, which may answer several questions of VS Code. */
class Flight {
  readonly source = new vscode.CancellationTokenSource();
  /** What to show now; undefined until the first partial text or the reply. */
  items: Items | undefined;
  /** Whether `items` is the reply: no more will come. */
  landed = false;
  /** Settles with the first partial text or the reply, whichever comes first. */
  readonly first: Promise<void>;
  private arrived!: () => void;

  constructor(
    readonly document: vscode.TextDocument,
    readonly version: number,
    readonly position: vscode.Position,
  ) {
    this.first = new Promise((resolve) => (this.arrived = resolve));
  }

  /** Whether it answers a question about this place in this very text. */
  answers(document: vscode.TextDocument, position: vscode.Position): boolean {
    return this.document === document && this.version === document.version && this.position.isEqual(position);
  }

  /** Takes newer items; tells whether something else was on show already. */
  take(items: Items): boolean {
    const shown = this.items !== undefined && text(this.items) !== text(items);
    this.items = items;
    this.arrived();
    return shown;
  }
}

export class GhostText implements vscode.Disposable {
  private flight: Flight | undefined;
  private refreshing = false;
  private stale = false;
  private readonly subscriptions = [
    vscode.workspace.onDidChangeTextDocument((event) => this.leave(event.document)),
    vscode.window.onDidChangeTextEditorSelection((event) => this.leave(event.textEditor.document)),
  ];

  /** Middleware for `textDocument/inlineCompletion`. */
  async provide(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    next: Ask,
  ): Promise<Items> {
    let flight = this.flight;
    // Asked again by no doing of ours after the reply: the user wants a new one.
    const over = flight?.landed && !this.refreshing;
    if (flight === undefined || over || !flight.answers(document, position)) {
      flight = this.takeOff(new Flight(document, document.version, position), context, next);
    }
    await flight.first;
    return flight.items ?? [];
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
    if (flight.take(items) && this.flight === flight) void this.refresh();
  }

  /** Cancels the request in flight when the text or the cursor it was for is no more. */
  private leave(document: vscode.TextDocument): void {
    const flight = this.flight;
    if (flight === undefined || flight.document !== document) return;
    const cursor = vscode.window.activeTextEditor?.selection.active;
    if (cursor !== undefined && flight.answers(document, cursor)) return;
    this.flight = undefined;
    flight.source.cancel();
    flight.take([]);
  }

  /** Lets VS Code ask again. Texts that arrive meanwhile share one more round. */
  private async refresh(): Promise<void> {
    this.stale = true;
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      while (this.stale && this.flight !== undefined) {
        this.stale = false;
        await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
        await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      }
    } finally {
      this.refreshing = false;
    }
  }
}

function text(items: Items): string {
  const first = Array.isArray(items) ? items[0] : items.items[0];
  if (first === undefined) return "";
  return typeof first.insertText === "string" ? first.insertText : first.insertText.value;
}
