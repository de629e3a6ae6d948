/** Why something wasn't done, in words for people. */

export class Failure extends Error {
  /** Whether the page, loaded anew, leads on: to a sign-in, or to what the edge says of the space. */
  readonly isForAll: boolean;

  constructor(words: string, isForAll = false) {
    super(words);
    this.isForAll = isForAll;
  }
}

export const LOST = "The space can’t be reached.";

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
  OFFSET_MISMATCH: "Somebody else is uploading to the same place. Try again soon.",
};

/** What an answer means that isn't a good one. `edgeCode` is the edge's, `text` the body. */
export function failureOf(edgeCode: string | null, text: string): Failure {
  if (edgeCode) {
    const words = OF_THE_EDGE[edgeCode];
    return new Failure(words ?? LOST, words !== undefined);
  }
  const { code, message } = parsed(text);
  return new Failure(OF_THE_AGENT[code ?? ""] ?? sentence(message ?? "it failed"));
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
