/**
 * In the place of `react-style-singleton`, by which GraphiQL's dialogs and menus keep the page behind
 * them from being scrolled: this page isn't scrolled, and its policy forbids styles that are written
 * into it.
 */
export const styleSingleton = () => () => null;
