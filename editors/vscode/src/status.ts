import * as vscode from "vscode";

/** What the server says of itself with `midfill/status`. */
export interface Status {
  readonly state: "starting" | "ready" | "busy" | "error";
  readonly message: string;
  readonly model: string;
  readonly device: string;
  readonly cure: string;
}

const ICONS = { starting: "$(loading~spin)", ready: "$(sparkle)", busy: "$(sync~spin)", error: "$(error)" };

const COMMANDS = ["midfill.toggle", "midfill.restart", "midfill.showOutput"] as const;

/** The item in the status bar. A click turns completion on or off; its tooltip links the other commands. */
export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("midfill.status", vscode.StatusBarAlignment.Right);
  private status: Status = { state: "starting", message: "starting", model: "", device: "", cure: "" };

  constructor() {
    this.item.name = "Midfill";
    this.item.command = "midfill.toggle";
    this.render();
    this.item.show();
  }

  /** Shows what the server said last; true if that is an error it had not said before. */
  show(status: Status): boolean {
    const isNewError = status.state === "error" && status.message !== this.status.message;
    this.status = status;
    this.render();
    return isNewError;
  }

  /** Shows the settings as they are now. */
  render(): void {
    const { state, message, model, device, cure } = this.status;
    const enabled = vscode.workspace.getConfiguration("midfill").get<boolean>("enabled", true);
    this.item.text = enabled ? `${ICONS[state]} Midfill` : "$(circle-slash) Midfill";
    this.item.backgroundColor =
      state === "error" ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    const tooltip = new vscode.MarkdownString("", true);
    tooltip.isTrusted = { enabledCommands: COMMANDS };
    tooltip.appendText([enabled ? message || state : "completion is off", cure].filter(Boolean).join(" "));
    if (model) tooltip.appendMarkdown("\n\n").appendText(device ? `${model} on ${device}` : model);
    tooltip.appendMarkdown(
      `\n\n[Turn ${enabled ? "off" : "on"}](command:midfill.toggle) · ` +
        "[Restart](command:midfill.restart) · [Output](command:midfill.showOutput)",
    );
    this.item.tooltip = tooltip;
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** Puts an error of the server before the user, with the way out. */
export async function report({ message, cure }: Status): Promise<void> {
  const text = ["Midfill:", message, cure].filter(Boolean).join(" ");
  const choice = await vscode.window.showErrorMessage(text, "Restart", "Show Output");
  if (choice === "Restart") await vscode.commands.executeCommand("midfill.restart");
  if (choice === "Show Output") await vscode.commands.executeCommand("midfill.showOutput");
}
