/** The question "is it you?", asked when the console wants to know it and not before. */
import { Refused } from '../lib/api';
import type { Proof } from './api';

export interface Proofs {
  proof?: Proof;
  second?: Proof;
}

interface Wanted {
  second: boolean;
  attempt: (proofs: Proofs) => Promise<void>;
  cancel: () => void;
}

export class Confirmation {
  wanted = $state.raw<Wanted | null>(null);

  /**
   * Do the work; when the console asks who is there (428), or will do so for sure (`certain`), ask for proofs and do it
   * with them. Null when the officer gave up. Everything else that is refused is thrown, or shown in the open dialog.
   */
  async run<T>(work: (proofs: Proofs) => Promise<T>, { second = false, certain = false } = {}): Promise<T | null> {
    if (!certain) {
      try {
        return await work({});
      } catch (error) {
        if (!(error instanceof Refused && error.status === 428)) throw error;
      }
    }
    return new Promise((resolve) => {
      const done = (value: T | null): void => {
        this.wanted = null;
        resolve(value);
      };
      this.wanted = { second, attempt: async (proofs) => done(await work(proofs)), cancel: () => done(null) };
    });
  }
}
