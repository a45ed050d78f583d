import { execFile } from "node:child_process";

/** The `midfill` program as found on this machine. */
export interface Program {
  readonly path: string;
  readonly version: string;
}

/** Why `midfill` cannot be run, in a sentence for the user. */
export class ProgramError extends Error {}

const PROBE_TIMEOUT_MS = 30_000;

/**
 * Asks the program at `path` for its version.
 *
 * @throws {ProgramError} if there is no such program, or it fails.
 */
export function findProgram(path: string): Promise<Program> {
  return new Promise((resolve, reject) => {
    execFile(path, ["--version"], { timeout: PROBE_TIMEOUT_MS, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ path, version: stdout.trim() });
      } else if (error.code === "ENOENT") {
        reject(
          new ProgramError(
            `Midfill was not found: there is no program "${path}". ` +
              'Install it with "pip install midfill[torch]", or set "midfill.path".',
          ),
        );
      } else {
        const reason = stderr.trim().split("\n").at(-1) || error.message;
        reject(new ProgramError(`"${path} --version" failed: ${reason}`));
      }
    });
  });
}
