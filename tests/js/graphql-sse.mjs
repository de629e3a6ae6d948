// Speaks GraphQL over server-sent events by its reference client, in the mode of distinct
// connections, and by hand where the bytes matter.

import { args, equal, runEach } from './checks.mjs';
import { bearer, overEventStream, results } from './server.mjs';

const [url, token, subscription] = args('graphql-sse.mjs URL TOKEN SUBSCRIPTION', 3);
const authorization = bearer(token);

const client = (credentials = token) => overEventStream(url, credentials);

const get = (query) =>
  fetch(`${url}?${new URLSearchParams({ query })}`, {
    headers: { accept: 'text/event-stream', authorization },
  });

await runEach([
  ['a query has one result', async () => {
    equal(await results(client(), '{ __typename }'), [{ data: { __typename: 'Query' } }]);
  }],
  ['a subscription delivers, and stops when it is left', async () => {
    const stream = client().iterate({ query: subscription });
    const { value } = await stream.next();
    equal(value.errors, undefined);
    await stream.return();
  }],
  ['what does not validate is a result with errors', async () => {
    const [result, ...more] = await results(client(), '{ no_such_field }');
    equal(result.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    equal([result.data, more.length], [undefined, 0]);
  }],
  ['bad credentials are refused by status', async () => {
    const error = await results(client('not-a-token'), '{ __typename }').then(
      () => { throw new Error('it was run'); },
      (error) => error,
    );
    equal(error.response?.status, 401);
  }],
  ['the stream is what EventSource reads', async () => {
    const response = await get('{ __typename }');
    equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    equal(
      await response.text(),
      ':\n\nevent: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata:\n\n',
    );
  }],
  ['a subscription is not held back', async () => {
    const response = await get(subscription);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event: next\n')) text += (await reader.read()).value;
    await reader.cancel();
  }],
  ['a mutation by GET is not allowed', async () => {
    const response = await get('mutation { __typename }');
    equal([response.status, response.headers.get('allow')], [405, 'POST']);
  }],
]);
