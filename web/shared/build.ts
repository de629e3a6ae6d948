/** How every page is built. */
export const build = {
  target: "es2022",
  // The pages' policies allow no `data:` addresses and no inline script.
  assetsInlineLimit: 0,
  modulePreload: false,
};
