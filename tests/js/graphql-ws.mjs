// Speaks graphql-transport-ws by its reference client, and by hand where that would not misbehave.

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { args, equal, run } from './checks.mjs';

const [given, token, subscription] = args('graphql-ws.mjs URL TOKEN SUBSCRIPTION', 3);
const url = given.replace(/^http/, 'ws');
const authorization = `Bearer ${token}`;

const init = (credentials = authorization) => ({
  type: 'connection_init',
  payload: { authorization: credentials },
});
const subscribe = (id, query) => ({ type: 'subscribe', id, payload: { query } });

/** Says the messages, the later ones after the acknowledgement, and gives the close. */
function closed({ at_once = [], when_ready = [], protocol = 'graphql-transport-ws' }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocol);
    const say = (message) =>
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    socket.on('open', () => at_once.forEach(say));
    socket.on('message', (data) => {
      if (JSON.parse(data).type === 'connection_ack') when_ready.forEach(say);
    });
    socket.on('close', (code, reason) => resolve([code, reason.toString()]));
    socket.on('error', reject);
  });
}

const client = (options = {}) =>
  createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization },
    ...options,
  });

/** All results of an operation. */
async function results(query, options) {
  const connection = client(options);
  const all = [];
  for await (const result of connection.iterate({ query })) all.push(result);
  await connection.dispose();
  return all;
}

await run([
  ['a query has one result', async () => {
    equal(await results('{ __typename }'), [{ data: { __typename: 'Query' } }]);
  }],
  ['a subscription delivers, and stops when it is left', async () => {
    const connection = client({ lazyCloseTimeout: 0 });
    const stream = connection.iterate({ query: subscription });
    const { value } = await stream.next();
    equal(value.errors, undefined);
    await stream.return();
    await connection.dispose();
  }],
  ['many operations share a connection', async () => {
    const connection = client();
    const one = async () => {
      const stream = connection.iterate({ query: '{ __typename }' });
      return (await stream.next()).value.data.__typename;
    };
    const names = await Promise.all(Array.from({ length: 50 }, one));
    equal(new Set(names).size, 1);
    await connection.dispose();
  }],
  ['what does not validate is an error with a code', async () => {
    const errors = await results('{ no_such_field }').then(
      () => { throw new Error('it was run'); },
      (error) => error,
    );
    equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  }],
  ['the pings of the client are answered', async () => {
    await new Promise((resolve, reject) => {
      const connection = client({
        lazy: false,
        keepAlive: 50,
        onNonLazyError: reject,
        on: {
          pong: (received) => {
            if (received) resolve(connection.dispose());
          },
        },
      });
    });
  }],
  ['4400 for what is no message', async () => {
    equal((await closed({ at_once: ['nonsense'] }))[0], 4400);
    equal((await closed({ at_once: [{ type: 'start', id: '1' }] }))[0], 4400);
    equal((await closed({ at_once: [init()], when_ready: [{ type: 'subscribe', id: '1' }] }))[0], 4400);
  }],
  ['4401 for an operation before the acknowledgement', async () => {
    equal(await closed({ at_once: [subscribe('1', '{ __typename }')] }), [4401, 'Unauthorized']);
  }],
  ['4403 for bad credentials', async () => {
    equal((await closed({ at_once: [init('Bearer not-a-token')] }))[0], 4403);
  }],
  ['4406 for another subprotocol', async () => {
    equal(await closed({ protocol: [] }), [4406, 'Subprotocol not acceptable']);
  }],
  ['4408 without an initialisation', async () => {
    equal(await closed({}), [4408, 'Connection initialisation timeout']);
  }],
  ['4409 for an id in use', async () => {
    const when_ready = [subscribe('a', subscription), subscribe('a', subscription)];
    equal(await closed({ at_once: [init()], when_ready }), [4409, 'Subscriber for a already exists']);
  }],
  ['4429 for a second initialisation', async () => {
    const close = await closed({ at_once: [init()], when_ready: [init()] });
    equal(close, [4429, 'Too many initialisation requests']);
  }],
  ['pages of a foreign origin are refused', async () => {
    const status = await new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'graphql-transport-ws', { origin: 'https://evil.example.com' });
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.on('open', () => reject(new Error('it was opened')));
      socket.on('error', reject);
    });
    equal(status, 403);
  }],
]);
