// The reference client of gRPC, against `grpc-server.mjs` behind the edge.

import { readFileSync } from 'node:fs';
import { Metadata, credentials, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import { args, equal, runEach } from './checks.mjs';
import { service } from './grpc-service.mjs';

const [edge, authority, host, silent, unknown, stopped] = args(
  'grpc-client.mjs EDGE_ADDRESS CA_FILE HOST SILENT_HOST UNKNOWN_HOST STOPPED_HOST',
  6,
);
const MESSAGE_BYTES = 3 << 20;
const TALKS = 150;

const Client = makeGenericClientConstructor(service, 'Test');
const clients = [];
const client = (name) => {
  const made = new Client(edge, credentials.createSsl(readFileSync(authority)), {
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
    // Each client has a connection of its own.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': 2 * MESSAGE_BYTES,
    'grpc.enable_retries': 0,
  });
  clients.push(made);
  return made;
};
const home = client(host);

/** Calls a method that answers once. */
const ask = (method, message, { metadata = new Metadata(), options = {}, by = home } = {}) => {
  const got = { headers: {}, trailers: {} };
  return new Promise((answered, failed) => {
    const call = by[method](Buffer.from(message), metadata, options, (error, answer) =>
      error ? failed(error) : (got.message = answer),
    );
    call.on('metadata', (it) => (got.headers = it.getMap()));
    call.on('status', (it) => {
      got.trailers = it.metadata.getMap();
      answered(got);
    });
    got.call = call;
  });
};
const failure = (promise) => promise.then(() => { throw new Error('it succeeded'); }, (it) => it);
const once = (emitter, event) => new Promise((seen) => emitter.once(event, seen));

await runEach([
  ['a unary call has its message, its metadata both ways, and its authority', async () => {
    const metadata = new Metadata();
    metadata.set('x-text', 'a b');
    metadata.set('x-two-bin', Buffer.of(0, 1, 255));
    const got = await ask('echo', 'hello', { metadata });
    equal(got.message.toString(), 'hello');
    equal(got.headers['x-authority'], host);
    for (const map of [got.headers, got.trailers]) {
      equal(map['x-text'], 'a b');
      equal([...map['x-two-bin']], [0, 1, 255]);
    }
  }],
  ['an empty message and a large one arrive', async () => {
    equal((await ask('echo', '')).message.length, 0);
    const large = Buffer.alloc(MESSAGE_BYTES, 'xyz');
    equal((await ask('echo', large)).message.equals(large), true);
  }],
  ['messages of a stream arrive one by one', async () => {
    const spelled = [];
    for await (const letter of home.spell(Buffer.from('abc'))) {
      spelled.push(letter.toString());
      // The server sends the next one only after this one was seen.
      await ask('next', '');
    }
    equal(spelled, ['a', 'b', 'c']);
  }],
  ['a stream of the client is counted', async () => {
    const counted = new Promise((done, failed) => {
      const call = home.count((error, answer) => (error ? failed(error) : done(answer)));
      for (let i = 0; i < 20; i += 1) call.write(Buffer.alloc(100_000));
      call.end();
    });
    equal((await counted).toString(), '2000000');
  }],
  ['both sides talk at once, on more streams than a connection has', async () => {
    const talks = [home, client(host), client(host)].flatMap((by) =>
      Array.from({ length: TALKS / 3 }, () => by.talk()),
    );
    for (const word of ['one', 'two', 'three']) {
      const answers = talks.map((talk) => once(talk, 'data'));
      talks.forEach((talk) => talk.write(Buffer.from(word)));
      for (const answer of await Promise.all(answers)) equal(answer.toString(), word);
    }
    const ended = talks.map((talk) => once(talk.resume(), 'end'));
    talks.forEach((talk) => talk.end());
    await Promise.all(ended);
  }],
  ['a failure keeps its code, its words and its trailers', async () => {
    for (const code of [status.NOT_FOUND, status.DATA_LOSS, status.UNAUTHENTICATED]) {
      const error = await failure(ask('fail', String(code)));
      equal([error.code, error.details], [code, 'as “asked” for, 100 %']);
      equal(error.metadata.get('x-why'), ['because']);
      equal([...error.metadata.get('x-why-bin')[0]], [0, 255]);
    }
  }],
  ['a method that is not there is unimplemented', async () => {
    const Other = makeGenericClientConstructor(
      { echo: { ...service.echo, path: '/spaceport.Test/Missing' } }, 'Other');
    const other = new Other(edge, credentials.createSsl(readFileSync(authority)), {
      'grpc.ssl_target_name_override': host, 'grpc.default_authority': host });
    clients.push(other);
    const error = await failure(ask('echo', '', { by: other }));
    equal(error.code, status.UNIMPLEMENTED);
    equal(error.metadata.get('x-spaceport-error'), []);
  }],
  ['a deadline and a cancellation reach the server', async () => {
    const late = await failure(ask('wait', '', { options: { deadline: Date.now() + 200 } }));
    equal(late.code, status.DEADLINE_EXCEEDED);
    const asked = new Promise((_, failed) => {
      const call = home.wait(Buffer.alloc(0), (error) => failed(error));
      // What is asked afterwards on the same connection was sent behind it.
      ask('echo', '').then(() => call.cancel());
    });
    equal((await failure(asked)).code, status.CANCELLED);
    await ask('cancelled', '2');
  }],
  ['answers of the edge are read by the client', async () => {
    for (const [name, code, reason] of [
      [silent, status.UNAVAILABLE, 'NOTHING_LISTENS'],
      [unknown, status.UNIMPLEMENTED, 'UNKNOWN_HOST'],
      [stopped, status.UNAVAILABLE, 'SPACE_NOT_RUNNING'],
    ]) {
      const error = await failure(ask('echo', '', { by: client(name) }));
      equal(error.code, code);
      equal(error.details.startsWith(`${reason}: The`), true);
      equal(error.metadata.get('x-spaceport-error'), [reason]);
    }
  }],
]);
