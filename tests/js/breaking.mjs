// Refuses changes of the schema that break clients and are not declared: each must begin an item
// of the section "Breaking" of what is unreleased in the changelog, in the words printed here.

import { readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges } from 'graphql';
import { args } from './checks.mjs';

const [before, after, changelog] = args('breaking.mjs OLD_SCHEMA NEW_SCHEMA CHANGELOG', 3).map(
  (path) => readFileSync(path, 'utf8'),
);

/** What a heading's section holds, up to the next heading of its level. */
function section(text, heading) {
  const level = heading.split(' ')[0];
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) return '';
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith(`${level} `));
  return rest.slice(0, end < 0 ? rest.length : end).join('\n');
}

/** Without what Markdown adds. */
const plain = (text) => text.replaceAll('`', '').replace(/\s+/g, ' ').trim();

const declared = section(section(changelog, '## Unreleased'), '### Breaking')
  .split(/^- /m)
  .map(plain);

const undeclared = findBreakingChanges(buildSchema(before), buildSchema(after))
  .map(({ description }) => description.replace(/\.$/, ''))
  .filter((change) => !declared.some((item) => item.startsWith(change)));

for (const change of undeclared) console.log(`- ${change}`);
process.exit(undeclared.length === 0 ? 0 : 1);
