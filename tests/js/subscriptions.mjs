// Drives every subscription of the schema by the reference clients of both protocols: each must
// tell what is, and then what happens.

import { args, equal, runEach } from './checks.mjs';
import { data, overEventStream, overWebSocket } from './server.mjs';

const [url, token, edgeToken, space] = args('subscriptions.mjs URL TOKEN EDGE_TOKEN SPACE', 4);

const CLIENTS = [
  ['graphql-transport-ws', overWebSocket],
  ['graphql-sse', overEventStream],
];

let count = 0;

/** Gives the space a description of its own. */
async function describe() {
  const description = `description ${(count += 1)}`;
  await data(
    url,
    token,
    'mutation ($input: UpdateSpaceInput!) { updateSpace(input: $input) { problems { message } } }',
    { input: { spaceId: space, description } },
  );
  return description;
}

/** Opens one more port of the space. */
async function open() {
  const port = 10_000 + (count += 1);
  const { createTunnel } = await data(
    url,
    token,
    `mutation ($input: CreateTunnelInput!) {
      createTunnel(input: $input) { tunnel { id port } problems { message } }
    }`,
    { input: { spaceId: space, port } },
  );
  equal(createTunnel.problems, []);
  return port;
}

/**
 * By the name of the subscription: the selection; whether an event is the first one; what to
 * change then; and whether an event tells of that change, given the first event and what the
 * change returned.
 */
const SUBSCRIPTIONS = {
  spaceChanged: {
    selection: `(id: "${space}") { cursor change space { id status description } }`,
    begins: (event) => event.change === 'SNAPSHOT' && event.space.status === 'RUNNING',
    change: describe,
    tells: (event, _, description) =>
      event.change === 'UPDATED' && event.space.description === description,
  },
  spacesChanged: {
    selection: '{ cursor change space { id description } }',
    begins: (event) => event.change === 'SNAPSHOT' && event.space.id === space,
    change: describe,
    tells: (event, _, description) => event.space.description === description,
  },
  tunnelsChanged: {
    selection: '{ cursor change tunnel { port url space { id } } }',
    begins: (event) => event.change === 'SNAPSHOT' && event.tunnel.space.id === space,
    change: open,
    tells: (event, _, port) => event.change === 'CREATED' && event.tunnel.port === port,
  },
  quotaChanged: {
    selection: '{ tunnels { used limit } spaces { used } }',
    begins: (quota) => quota.spaces.used === 1,
    change: open,
    tells: (quota, before) => quota.tunnels.used === before.tunnels.used + 1,
  },
  spaceLogs: {
    selection: `(id: "${space}", tail: 1) { at stream text }`,
    begins: (line) => line.stream === 'STDOUT' && line.text === 'a line',
    change: () => undefined,
    tells: (line, before) => line.at > before.at,
  },
  spaceStats: {
    selection: `(id: "${space}") { at memoryBytes memoryLimitBytes pids }`,
    begins: (stats) => stats.pids > 0 && stats.memoryBytes <= stats.memoryLimitBytes,
    change: () => undefined,
    tells: (stats, before) => stats.at > before.at,
  },
  routesChanged: {
    token: edgeToken,
    selection: '{ cursor change spaces { spaceId tunnels { host port } } }',
    begins: (event) => event.change === 'SNAPSHOT',
    change: open,
    tells: (event, _, port) =>
      event.spaces.some(({ spaceId, tunnels }) =>
        spaceId === space && tunnels.some((tunnel) => tunnel.port === port)),
  },
};

/** Reads on until an event is as wanted. */
async function until(stream, name, isSo) {
  for (;;) {
    const { value, done } = await stream.next();
    if (done) throw new Error('it ended');
    if (value.errors) throw new Error(JSON.stringify(value.errors));
    if (isSo(value.data[name])) return value.data[name];
  }
}

async function drive(connect, name) {
  const subscription = SUBSCRIPTIONS[name];
  const client = connect(url, subscription.token ?? token);
  const stream = client.iterate({ query: `subscription { ${name}${subscription.selection} }` });
  const first = await until(stream, name, subscription.begins);
  const change = await subscription.change();
  await until(stream, name, (event) => subscription.tells(event, first, change));
  await stream.return();
  client.dispose();
}

/** Leaves, lets something happen, and comes back: that, and nothing before it, must be told. */
async function resume(connect, name) {
  const { selection, begins, change, tells } = SUBSCRIPTIONS[name];
  const left = connect(url, token);
  const before = left.iterate({ query: `subscription { ${name}${selection} }` });
  const { cursor } = await until(before, name, (event) => begins(event) && event.cursor);
  await before.return();
  left.dispose();
  const missed = await change();
  const returned = connect(url, token);
  const behind = `subscription ($after: String) { ${name}(after: $after) ${selection} }`;
  const stream = returned.iterate({ query: behind, variables: { after: cursor } });
  const event = await until(stream, name, () => true);
  if (!tells(event, null, missed)) throw new Error(`got ${JSON.stringify(event)}`);
  await stream.return();
  returned.dispose();
}

await open();
await runEach([
  ['every subscription of the schema is driven', async () => {
    const query = '{ __schema { subscriptionType { fields { name } } } }';
    const { __schema } = await data(url, token, query);
    const served = __schema.subscriptionType.fields.map((field) => field.name);
    equal(served.sort(), Object.keys(SUBSCRIPTIONS).sort());
  }],
  ...CLIENTS.flatMap(([protocol, connect]) => [
    ...Object.keys(SUBSCRIPTIONS).map((name) => [
      `${protocol}: ${name}`,
      () => drive(connect, name),
    ]),
    ...['spacesChanged', 'tunnelsChanged'].map((name) => [
      `${protocol}: ${name} resumes behind its cursor`,
      () => resume(connect, name),
    ]),
  ]),
]);
