// Speaks graphql-transport-ws by its reference client, and by hand where that would not misbehave.

import WebSocket from 'ws';
import { args, equal, runEach } from './checks.mjs';
import { bearer, overWebSocket, results } from './server.mjs';

const [given, token, subscription] = args('graphql-ws.mjs URL TOKEN SUBSCRIPTION', 3);
const url = given.replace(/^http/, 'ws');
const authorization = bearer(token);

const init = (credentials = authorization) => ({
  type: 'connection_init',
  payload: { authorization: credentials },
});
const subscribe = (id, query) => ({ type: 'subscribe', id, payload: { query } });

/** Says the messages, the later ones after the acknowledgement, and gives the close. */
function closed({ at_once = [], when_ready = [], protocol = 'graphql-transport-ws' }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocol);
    const isRaw = (message) => typeof message === 'string' || Buffer.isBuffer(message);
    const say = (message) => socket.send(isRaw(message) ? message : JSON.stringify(message));
    socket.on('open', () => at_once.forEach(say));
    socket.on('message', (data) => {
      if (JSON.parse(data).type === 'connection_ack') when_ready.forEach(say);
    });
    socket.on('close', (code, reason) => resolve([code, reason.toString()]));
    socket.on('error', reject);
  });
}

/** Has a conversation by hand: `answer` gives what to say to each message, or `undefined`. */
function conversation(answer) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const heard = [];
    const say = (message) => socket.send(JSON.stringify(message));
    socket.on('open', () => say(init()));
    socket.on('message', (text) => {
      const message = JSON.parse(text);
      heard.push(message);
      try {
        const next = answer(message, heard);
        if (next === 'end') socket.close(1000);
        else [next ?? []].flat().forEach(say);
      } catch (error) {
        reject(error);
      }
    });
    socket.on('close', (code) => resolve({ code, heard }));
    socket.on('error', reject);
  });
}

const client = (options) => overWebSocket(given, token, options);

await runEach([
  ['a query has one result', async () => {
    equal(await results(client(), '{ __typename }'), [{ data: { __typename: 'Query' } }]);
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
    const errors = await results(client(), '{ no_such_field }').then(
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
  ['a variable of the wrong type is an error', async () => {
    const query = 'query ($id: ID!) { space(id: $id) { id } }';
    const errors = await results(client(), query, { id: { not: 'an id' } }).then(
      () => { throw new Error('it was run'); },
      (error) => error,
    );
    equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  }],
  ['an id is free again when its operation has ended, by either side', async () => {
    const { code, heard } = await conversation(({ type, id }, all) => {
      if (type === 'connection_ack') return subscribe('a', '{ __typename }');
      if (type === 'complete') return subscribe('a', subscription);
      const nexts = all.filter((it) => it.type === 'next').length;
      if (type !== 'next' || nexts < 2) return undefined;
      return nexts < 3 ? [{ type: 'complete', id }, subscribe(id, subscription)] : 'end';
    });
    equal([code, heard.filter((it) => it.type === 'complete').length], [1000, 1]);
  }],
  ['the end of an operation that is not there is no mistake', async () => {
    const { code } = await conversation(({ type }) => {
      if (type === 'connection_ack') return [{ type: 'complete', id: 'x' }, subscribe('y', '{ __typename }')];
      return type === 'complete' ? 'end' : undefined;
    });
    equal(code, 1000);
  }],
  ['a ping is answered with what it brought', async () => {
    const ping = { type: 'ping', payload: { number: 1 } };
    const { heard } = await conversation(({ type }) => {
      if (type === 'connection_ack') return ping;
      return type === 'pong' ? 'end' : undefined;
    });
    equal(heard.at(-1), { ...ping, type: 'pong' });
  }],
  ['4400 for what is no message', async () => {
    equal((await closed({ at_once: ['nonsense'] }))[0], 4400);
    equal((await closed({ at_once: [{ type: 'start', id: '1' }] }))[0], 4400);
    equal((await closed({ at_once: [init()], when_ready: [{ type: 'subscribe', id: '1' }] }))[0], 4400);
    equal((await closed({ at_once: [init()], when_ready: [Buffer.from('{"type":"ping"}')] }))[0], 4400);
    equal((await closed({ at_once: [{ type: 'connection_init', payload: 'token' }] }))[0], 4400);
  }],
  ['4401 for an operation before the acknowledgement', async () => {
    equal(await closed({ at_once: [subscribe('1', '{ __typename }')] }), [4401, 'Unauthorized']);
  }],
  ['4403 for bad credentials', async () => {
    equal((await closed({ at_once: [init('Bearer not-a-token')] }))[0], 4403);
  }],
  ['4406 for another subprotocol', async () => {
    equal(await closed({ protocol: [] }), [4406, 'Subprotocol not acceptable']);
    // The older protocol of another library; `ws` reports what was not agreed upon as an error.
    const error = await closed({ protocol: 'graphql-ws' }).then(
      () => { throw new Error('it was spoken'); },
      (error) => error,
    );
    equal(error.message, 'Server sent no subprotocol');
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
  ['1009 for a message too long', async () => {
    const long = { type: 'ping', payload: { text: 'x'.repeat(1024 * 1024) } };
    equal(await closed({ at_once: [init()], when_ready: [long] }), [1009, 'Message too big']);
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
