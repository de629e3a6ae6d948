/**
 * Where GraphiQL keeps queries, variables and what was asked before: in this tab, as passwords may be
 * among them. The dashboard keeps its token at the same place, so that only what is GraphiQL's is
 * counted and cleared.
 */

const PREFIX = "graphiql:";

export function storageOfTab(storage: Storage) {
  const keys = (): string[] => Object.keys(storage).filter((key) => key.startsWith(PREFIX));
  return {
    getItem: (key: string) => storage.getItem(key),
    setItem: (key: string, value: string) => storage.setItem(key, value),
    removeItem: (key: string) => storage.removeItem(key),
    clear: () => keys().forEach((key) => storage.removeItem(key)),
    get length() {
      return keys().length;
    },
  };
}
