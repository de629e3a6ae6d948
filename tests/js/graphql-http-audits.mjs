// Runs every audit of graphql-http, MUST, SHOULD and MAY alike.

import { serverAudits } from 'graphql-http';
import { args, equal, runEach } from './checks.mjs';

const [url, token] = args('graphql-http-audits.mjs URL [TOKEN]', 1);

const audits = serverAudits({
  url,
  fetchFn: (input, init = {}) => {
    const authorization = token ? { authorization: `Bearer ${token}` } : {};
    return fetch(input, { ...init, headers: { ...init.headers, ...authorization } });
  },
});

await runEach([
  ['all 61 audits are there', async () => equal(audits.length, 61)],
  ...audits.map(({ id, name, fn }) => [
    `${id} ${name}`,
    async () => {
      const result = await fn();
      if (result.status !== 'ok') throw new Error(result.reason);
    },
  ]),
]);
