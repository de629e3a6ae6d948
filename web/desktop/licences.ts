import { readFileSync, writeFileSync } from "node:fs";

const NOVNC = "node_modules/@novnc/novnc";

/** What is said of noVNC, and the texts that say it. */
const TEXTS = ["LICENSE.txt", "AUTHORS", "docs/LICENSE.MPL-2.0", "vendor/pako/LICENSE"];

/**
 * A plugin for Vite that lays beside the page what is said of the code of others in it: the MPL 2.0
 * (§3.2) asks to say where its source is, and the MIT licence of pako to keep its text.
 */
export function licences() {
  let folder = "";
  return {
    name: "licences",
    apply: "build" as const,
    configResolved: (config: { build: { outDir: string } }) => void (folder = config.build.outDir),
    closeBundle() {
      const { version } = JSON.parse(readFileSync(`${NOVNC}/package.json`, "utf8")) as { version: string };
      const words = [
        `This page contains noVNC ${version}, unchanged and made smaller for browsers. Its source,`,
        `under the Mozilla Public License 2.0, is at https://github.com/novnc/noVNC/tree/v${version}.`,
      ].join("\n");
      const texts = TEXTS.map((name) => readFileSync(`${NOVNC}/${name}`, "utf8").trim());
      writeFileSync(`${folder}/licences.txt`, [words, ...texts].join(`\n\n${"-".repeat(80)}\n\n`) + "\n");
    },
  };
}
