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

const LONGEST_NAME = 63;

/** What is wrong with a name, by the rule that the API has, too. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "Give it a name.";
  if (name.length > LONGEST_NAME) return `At most ${LONGEST_NAME} characters.`;
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
