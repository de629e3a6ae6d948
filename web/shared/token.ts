/**
 * The token that this browser is signed in with.
 *
 * It is kept where the scripts of the API's pages read it, and not in a cookie, because GraphQL takes
 * bearer tokens alone: a foreign page that makes this browser ask the API has nothing to send along.
 * What remains is script of others in one of these pages, and that is what their policies forbid.
 * Usually it goes with the tab; who wants to stay signed in has it kept for all tabs, until it expires
 * or is ended.
 */

const KEY = "spaceport.token";

export function read(): string | undefined {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? undefined;
}

/** What another tab keeps is another sign-in, which goes on. */
export function keep(token: string, beyondTab: boolean): void {
  sessionStorage.removeItem(KEY);
  (beyondTab ? localStorage : sessionStorage).setItem(KEY, token);
}

/** Whoever signed in again meanwhile, in another tab, stays signed in. */
export function forget(token: string): void {
  for (const storage of [sessionStorage, localStorage]) {
    if (storage.getItem(KEY) === token) storage.removeItem(KEY);
  }
}
