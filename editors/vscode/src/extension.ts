import * as vscode from "vscode";
import { LanguageClient, type LanguageClientOptions, RevealOutputChannelOn } from "vscode-languageclient/node";
import { GhostText, type Partial } from "./ghost";
import { findProgram, ProgramError } from "./program";
import { report, type Status, StatusBar } from "./status";

/** Settings of this extension alone; the server hears all others. */
const OWN_SETTINGS = ["path", "streaming", "trace"];

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("Midfill", { log: true });
  const bar = new StatusBar();
  const ghost = new GhostText();
  const restart = async () => {
    await stop();
    await start(output, bar, ghost);
  };
  context.subscriptions.push(
    output,
    bar,
    ghost,
    vscode.commands.registerCommand("midfill.restart", restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.commands.registerCommand("midfill.showOutput", () => output.show()),
    vscode.commands.registerCommand("midfill.toggle", toggle),
    vscode.commands.registerCommand("midfill.acceptGrowing", () => ghost.accept()),
    vscode.commands.registerCommand("midfill.dismissGrowing", () => ghost.dismiss()),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (!event.affectsConfiguration("midfill")) return;
      bar.render();
      if (["path", "streaming"].some((name) => event.affectsConfiguration(`midfill.${name}`))) await restart();
    }),
  );
  await start(output, bar, ghost);
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function start(output: vscode.LogOutputChannel, bar: StatusBar, ghost: GhostText): Promise<void> {
  bar.show({ state: "starting", message: "starting", model: "", device: "", cure: "" });
  const path = vscode.workspace.getConfiguration("midfill").get<string>("path", "midfill");
  try {
    const program = await findProgram(path);
    output.info(`${program.path}: ${program.version}`);
    const streaming = vscode.workspace.getConfiguration("midfill").get<boolean>("streaming", true);
    const next = new LanguageClient(
      "midfill",
      "Midfill",
      { command: program.path, args: ["lsp", "--stdio"] },
      options(output, ghost, streaming),
    );
    next.onNotification("midfill/status", (status: Status) => {
      if (bar.show(status)) void report(status);
    });
    next.onNotification("midfill/inlineCompletionPartial", (partial: Partial) => ghost.partial(next, partial));
    client = next;
    await next.start();
  } catch (error) {
    await explain(error, output, bar);
  }
}

async function stop(): Promise<void> {
  const last = client;
  client = undefined;
  await last?.dispose();
}

function options(output: vscode.LogOutputChannel, ghost: GhostText, streaming: boolean): LanguageClientOptions {
  return {
    documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
    outputChannel: output,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationOptions: { ...serverSettings(undefined), streaming, trusted: vscode.workspace.isTrusted },
    synchronize: { configurationSection: "midfill" },
    middleware: {
      provideInlineCompletionItems: (document, position, context, token, next) =>
        streaming ? ghost.provide(document, position, context, token, next) : next(document, position, context, token),
      workspace: {
        configuration: ({ items }) =>
          items.map(({ section, scopeUri }) =>
            section === "midfill" ? serverSettings(scopeUri ? vscode.Uri.parse(scopeUri) : undefined) : null,
          ),
      },
    },
  };
}

function serverSettings(scope: vscode.Uri | undefined): Record<string, unknown> {
  const all = vscode.workspace.getConfiguration(undefined, scope).get<Record<string, unknown>>("midfill", {});
  return Object.fromEntries(Object.entries(all).filter(([name]) => !OWN_SETTINGS.includes(name)));
}

async function toggle(): Promise<void> {
  const settings = vscode.workspace.getConfiguration("midfill");
  await settings.update("enabled", !settings.get<boolean>("enabled", true), vscode.ConfigurationTarget.Global);
}

/** Says why there are no completions, and offers the way out. */
async function explain(error: unknown, output: vscode.LogOutputChannel, bar: StatusBar): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  output.error(message);
  bar.show({ state: "error", message, model: "", device: "", cure: "" });
  if (!(error instanceof ProgramError)) return;
  const choice = await vscode.window.showErrorMessage(message, "Open Settings", "Try Again");
  if (choice === "Open Settings") {
    await vscode.commands.executeCommand("workbench.action.openSettings", "midfill.path");
  } else if (choice === "Try Again") {
    await vscode.commands.executeCommand("midfill.restart");
  }
}
