/** What mutations refuse, and at which field it is shown. */

import { graphql, type FragmentOf } from "../graphql";
import { counted } from "../parts/format";

export const ProblemParts = graphql(`
  fragment ProblemParts on Problem {
    code
    message
    path
    ... on QuotaProblem {
      resource
      limit
      used
      requested
    }
  }
`);

export type Problem = FragmentOf<typeof ProblemParts>;

type Lack = Pick<Extract<Problem, { resource: string }>, "resource" | "limit" | "used" | "requested">;

const AMOUNTS: Record<Lack["resource"], (count: number) => string> = {
  COMPUTE_UNITS: (count) => counted(count, "compute unit"),
  SPACES: (count) => counted(count, "space"),
  STORAGE_UNITS: (count) => `${count} GiB of storage`,
  TUNNELS: (count) => counted(count, "tunnel"),
};

/** A message of a problem begins in lower case and has no full stop. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** Which limit would be passed, and by what. */
export function lackOf({ resource, limit, used, requested }: Lack): string {
  return `Your quota of ${AMOUNTS[resource](limit)} doesn’t suffice: ${used} in use, ${requested} more wanted.`;
}

export function wordsOf(problem: Problem): string {
  if ("resource" in problem) return lackOf(problem);
  return sentence(problem.message);
}

const isAt = ({ path }: Problem, field: readonly string[]): boolean =>
  path !== null && path.length >= field.length && field.every((part, at) => path[at] === part);

/** What is wrong at a field of the input, with what is below it. */
export function at(problems: readonly Problem[], ...field: string[]): string | undefined {
  const words = problems.filter((it) => isAt(it, field)).map(wordsOf);
  return words.length > 0 ? words.join(" ") : undefined;
}

/** What is wrong at none of these fields. */
export function elsewhere(problems: readonly Problem[], fields: readonly string[][]): Problem[] {
  return problems.filter((it) => !fields.some((field) => isAt(it, field)));
}
