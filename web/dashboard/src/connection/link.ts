/** The WebSocket to the API, made again whenever it is lost, and the feeds that it carries. */

import { createClient, type Client } from "graphql-ws";
import type { TadaDocumentNode } from "gql.tada";
import { stringifyDocument } from "urql";

import { Cell } from "../live/cell";
import { waitMs } from "./backoff";

/** Silence after which the API is asked for a sign of life, and how long it has for it. */
const SILENCE_MS = 10_000;
const PONG_MS = 5_000;
/** Close codes that say that the token doesn't hold (any more). */
const SIGN_IN_ENDED = [4401, 4403];

export type LinkState = "connecting" | "live" | "waiting";

/** One subscription that goes on over lost connections. */
export interface Feed<Data, Variables> {
  document: TadaDocumentNode<Data, Variables>;
  /** Asked at each beginning, so that it can say where to resume. */
  variables: () => Variables;
  begins?: () => void;
  takes: (data: Data) => void;
  /** It can't go on: what it is about isn't there, or it came to its end. */
  ends?: (code: string | undefined) => void;
}

export class Link {
  readonly state = new Cell<LinkState>("connecting");
  readonly #client: Client;
  readonly #waiting = new Set<() => void>();
  readonly #signInEnded: () => void;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(url: string, token: string, signInEnded: () => void) {
    this.#signInEnded = signInEnded;
    let pong: ReturnType<typeof setTimeout> | undefined;
    this.#client = createClient({
      url,
      connectionParams: { authorization: `Bearer ${token}` },
      // Feeds resume where they stand, which the client's own repetition can't.
      retryAttempts: 0,
      keepAlive: SILENCE_MS,
      on: {
        connected: () => {
          this.#failures = 0;
          this.state.set("live");
        },
        ping: (isReceived) => {
          if (!isReceived) pong = setTimeout(() => this.#client.terminate(), PONG_MS);
        },
        pong: (isReceived) => {
          if (isReceived) clearTimeout(pong);
        },
        closed: () => clearTimeout(pong),
      },
    });
    window.addEventListener("online", this.hurry);
    window.addEventListener("offline", this.#suspect);
    document.addEventListener("visibilitychange", this.hurry);
  }

  /** Follows a feed until what it returns is called. */
  follow<Data, Variables>(feed: Feed<Data, Variables>): () => void {
    let stop = (): void => {};
    let isStopped = false;
    const again = (): void => {
      if (!isStopped && !this.#isClosed) this.#later(begin);
    };
    const end = (code: string | undefined): void => {
      isStopped = true;
      feed.ends?.(code);
    };
    const begin = (): void => {
      if (isStopped || this.#isClosed) return;
      feed.begins?.();
      const query = stringifyDocument(feed.document);
      const variables = feed.variables() as Record<string, unknown>;
      stop = this.#client.subscribe<Data>(
        { query, variables },
        {
          next: ({ data, errors }) => {
            if (data) feed.takes(data);
            else if (errors) this.#refused(errors, again, end);
          },
          error: (cause) => this.#refused(cause, again, end),
          // Who stops a feed is told so, too.
          complete: () => !isStopped && end(undefined),
        },
      );
    };
    begin();
    return () => {
      isStopped = true;
      this.#waiting.delete(begin);
      stop();
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.hurry);
    window.removeEventListener("offline", this.#suspect);
    document.removeEventListener("visibilitychange", this.hurry);
    void this.#client.dispose();
  }

  #refused(cause: unknown, again: () => void, end: (code: string | undefined) => void): void {
    if (this.#isClosed) return;
    const code = codeOf(cause);
    if (code === "UNAUTHENTICATED") this.#signInEnded();
    // Anything that was said about this feed alone; what the server can't do now is asked again.
    else if (code && !["UNAVAILABLE", "TIMEOUT", "INTERNAL", "RATE_LIMITED"].includes(code)) end(code);
    else again();
  }

  /** All feeds begin again together: they were lost together. */
  #later(begin: () => void): void {
    this.#waiting.add(begin);
    if (this.#timer !== undefined) return;
    this.state.set("waiting");
    this.#failures += 1;
    this.#timer = setTimeout(this.#retry, waitMs(this.#failures, Math.random()));
  }

  readonly #retry = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (waiting.length === 0) return;
    this.state.set("connecting");
    waiting.forEach((begin) => begin());
  };

  /** Tries now what would be tried later. */
  readonly hurry = (): void => {
    if (!document.hidden) this.#retry();
  };

  /** A browser that says it is offline is believed, but asked again. */
  readonly #suspect = (): void => this.#client.terminate();
}

/** What an operation or the connection ended with; nothing where it was just lost. */
function codeOf(cause: unknown): string | undefined {
  if (Array.isArray(cause)) {
    const [first] = cause as { extensions?: { code?: unknown } }[];
    const code = first?.extensions?.code;
    return typeof code === "string" ? code : "UNKNOWN";
  }
  const close = cause as { code?: unknown } | null;
  return SIGN_IN_ENDED.includes(Number(close?.code)) ? "UNAUTHENTICATED" : undefined;
}
