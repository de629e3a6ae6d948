/** Why something wasn't done, in words for people. */

/**
 * What else fails: nothing but this one thing; all that is brought with it; whatever is asked of the space;
 * or all of the page, which, loaded anew, leads on: to a sign-in, or to what the edge says of the space.
 */
export type Reach = "one" | "all" | "space" | "page";

export class Failure extends Error {
  readonly reach: Reach;
  /** The agent's, if it is the agent that says so. */
  readonly code: string | undefined;

  constructor(words: string, reach: Reach = "one", code?: string) {
    super(words);
    this.reach = reach;
    this.code = code;
  }
}

const LOST = "The space can’t be reached.";

export const lost = () => new Failure(LOST, "space");
export const cancelled = () => new Failure("Cancelled.", "all");
export const unreadable = () => new Failure("It can’t be read, or has changed since it was chosen.");

/** What the edge says of the way into the space. */
const OF_THE_EDGE: Record<string, string> = {
  SIGN_IN_REQUIRED: "Your sign-in has ended.",
  UNKNOWN_HOST: "The files of this space aren’t open to you any more.",
  SPACE_NOT_RUNNING: "The space isn’t running.",
  NO_AGENT: "The space runs, but can’t be entered this way. Restart it.",
};

/** What the agent says of files. */
const OF_THE_AGENT: Record<string, string> = {
  NOT_FOUND: "It isn’t there.",
  FORBIDDEN: "The space’s user may not do that.",
  EXISTS: "Something of this name is there already.",
  IS_A_DIRECTORY: "A folder of this name is there already.",
  NO_SPACE: "There is no room left in the space.",
  INCOMPLETE: "Not all of it has arrived.",
  OFFSET_MISMATCH: "Somebody else is uploading to the same place. Try again soon.",
};

/** What an answer means that isn't a good one. `edgeCode` is the edge's, `text` the body. */
export function failureOf(edgeCode: string | null, text: string): Failure {
  if (edgeCode) {
    const words = OF_THE_EDGE[edgeCode];
    return words === undefined ? lost() : new Failure(words, "page");
  }
  const { code, message } = parsed(text);
  const words = OF_THE_AGENT[code ?? ""] ?? sentence(message ?? "it failed");
  return new Failure(words, code === "NO_SPACE" ? "all" : "one", code);
}

function parsed(text: string): { code?: string; message?: string } {
  try {
    return JSON.parse(text) as { code?: string; message?: string };
  } catch {
    return {};
  }
}

/** The agent's messages begin in lower case and have no full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
