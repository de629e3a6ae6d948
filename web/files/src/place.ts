/** Places in a space, and how URLs name them. */

export interface Place {
  /** The home directory of the space's user, or all that there is. */
  root: "home" | "fs";
  /** The way from there, as URLs spell it. */
  names: string[];
}

export const HOME: Place = { root: "home", names: [] };
export const WHOLE: Place = { root: "fs", names: [] };

/** Below this path is the page, at each place. */
const PAGE = "/browse";

/** What the page shows at a path of its own. */
export function placeOf(path: string): Place | undefined {
  if (path === "/") return HOME;
  const [, root, way] = /^\/browse\/(home|fs)(?:\/(.*))?$/s.exec(path) ?? [];
  if (!root) return undefined;
  return { root: root === "home" ? "home" : "fs", names: (way ?? "").split("/").filter((it) => it !== "") };
}

/** Where the agent is asked for what is there. */
export function contentOf({ root, names }: Place): string {
  return `/${root}/${names.join("/")}`;
}

/** Where the page shows it. */
export function pageOf(place: Place): string {
  return PAGE + contentOf(place);
}

export function inside({ root, names }: Place, name: string): Place {
  return { root, names: [...names, name] };
}

/** What is at some way from there. */
export function below({ root, names }: Place, way: readonly string[]): Place {
  return { root, names: [...names, ...way] };
}

/** The directory that it is in, as far as that is known: what a home is in, only the agent knows. */
export function above({ root, names }: Place): Place | undefined {
  return names.length > 0 ? { root, names: names.slice(0, -1) } : undefined;
}

export function isSame(one: Place, other: Place): boolean {
  return contentOf(one) === contentOf(other);
}
