/** A server-sent event stream that notices when it has gone quiet, not only when it breaks. */

/** Longer than two pulses of the console (2 s each). */
export const QUIET_MS = 5000;
const RETRY_MS = 1000;

export interface Stream {
  close(): void;
}

/**
 * Keeps a stream open until closed. `onLink(false)` comes as soon as it breaks or stays quiet; it then reconnects by
 * itself. The browser's own retry gives up after an HTTP error, so it is not relied on.
 */
export function openStream<T>(url: string, onEvent: (event: T) => void, onLink: (up: boolean) => void): Stream {
  let source: EventSource | null = null;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  function lost(): void {
    clearTimeout(quiet);
    clearTimeout(retry);
    source?.close();
    source = null;
    if (closed) return;
    onLink(false);
    retry = setTimeout(connect, RETRY_MS);
  }

  function connect(): void {
    source = new EventSource(url);
    quiet = setTimeout(lost, QUIET_MS);
    source.onerror = lost;
    source.onmessage = (message: MessageEvent<string>) => {
      clearTimeout(quiet);
      quiet = setTimeout(lost, QUIET_MS);
      onLink(true);
      onEvent(JSON.parse(message.data) as T);
    };
  }

  connect();
  return {
    close() {
      closed = true;
      lost();
    },
  };
}
