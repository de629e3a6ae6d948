/** A space as somebody is about to make it. */

import type { VariablesOf } from "../graphql";
import type { CreateSpace, OfferedTemplate } from "./documents";

export interface Draft {
  templateId: string;
  name: string;
  description: string;
  /** By the names of the template's variables; absent where nothing was entered. */
  values: Readonly<Record<string, string>>;
  start: boolean;
}

export type Variable = NonNullable<OfferedTemplate["version"]>["variables"][number];
type Input = VariablesOf<typeof CreateSpace>["input"];

/** What a hostname allows one of its labels, and what apps are called in front of the space's name: `files`. */
const LONGEST_LABEL = 63;
const LONGEST_APP = 5;
const SEPARATOR = "--";

/** How long the name of a space can be: its apps' hostnames begin `app--name--owner`, in one label. */
export function longestName(owner: string): number {
  return LONGEST_LABEL - LONGEST_APP - 2 * SEPARATOR.length - owner.length;
}

/** What is wrong with a name, by the rules that the API has, too. */
export function nameProblem(name: string, longest: number): string | undefined {
  if (name === "") return "Give it a name.";
  if (name.length > longest) return `At most ${longest} characters.`;
  if (!/^[a-z0-9-]*$/.test(name)) return "Lower-case letters, digits and hyphens only.";
  if (/^-|-$/.test(name)) return "It must begin and end with a letter or a digit.";
  return name.includes("--") ? "No two hyphens in a row." : undefined;
}

/** What is wrong with the value of a variable. */
export function valueProblem(variable: Variable, value: string | undefined): string | undefined {
  const isMissing = variable.default === null && (value ?? "") === "";
  return isMissing ? "This template needs a value here." : undefined;
}

/**
 * What is sent: of variables with a default, only what differs from it. An entered value that was
 * emptied is an empty value where the default isn't.
 */
export function inputOf(draft: Draft, variables: readonly Variable[]): Input {
  const { templateId, name, description, start, values } = draft;
  const parameters = variables.flatMap((variable) => {
    const value = values[variable.name];
    return value === undefined || value === variable.default ? [] : [{ name: variable.name, value }];
  });
  return { templateId, name, description, start, parameters };
}

/** The index at which a variable's value is sent, as paths of problems name it. */
export function indexOf(input: Input, variable: string): string {
  return String((input.parameters ?? []).findIndex(({ name }) => name === variable));
}

/** A text that nobody else thinks of, to make one space of however many attempts. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
