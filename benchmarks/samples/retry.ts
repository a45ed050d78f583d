/** Calls that may fail, tried again after growing pauses. */

export interface RetryOptions {
  attempts: number;
  firstPauseMs: number;
  maxPauseMs: number;
}

const DEFAULTS: RetryOptions = { attempts: 5, firstPauseMs: 100, maxPauseMs: 5_000 };

export class GaveUp extends Error {
  constructor(readonly attempts: number, readonly lastError: unknown) {
    super(`gave up after ${attempts} attempts`);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export async function retry<T>(call: () => Promise<T>, options: Partial<RetryOptions> = {}): Promise<T> {
  const { attempts, firstPauseMs, maxPauseMs } = { ...DEFAULTS, ...options };
  let pause = firstPauseMs;
  let lastError: unknown;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      return await call();
    } catch (error) {
      lastError = error;
      if (attempt < attempts) {
        await sleep(pause);
        pause = Math.min(pause * 2, maxPauseMs);
      }
    }
  }
  throw new GaveUp(attempts, lastError);
}
