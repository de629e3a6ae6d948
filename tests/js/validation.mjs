// Holds the verdicts of a server on documents against those of graphql-js, the reference
// implementation, for every rule of the specification.

import {
  assertValidSchema,
  buildClientSchema,
  getIntrospectionQuery,
  parse,
  recommendedRules,
  specifiedRules,
  validate,
} from 'graphql';
import { args, equal, runEach } from './checks.mjs';
import { bearer, data } from './server.mjs';

const [url, token] = args('validation.mjs URL TOKEN', 2);

/** By the name of a rule: documents that keep it, and documents that break it. */
const RULES = {
  ExecutableDefinitionsRule: {
    keep: ['{ viewer { id } }'],
    break: ['{ viewer { id } } type A { b: Int }', '{ viewer { id } } extend type User { b: Int }'],
  },
  UniqueOperationNamesRule: {
    keep: ['query A { viewer { id } } query B { viewer { id } }'],
    break: [
      'query A { viewer { id } } query A { viewer { id } }',
      'query A { viewer { id } } subscription A { quotaChanged { spaces { used } } }',
    ],
  },
  LoneAnonymousOperationRule: {
    keep: ['{ viewer { id } }'],
    break: ['{ viewer { id } } { viewer { id } }', '{ viewer { id } } query A { viewer { id } }'],
  },
  SingleFieldSubscriptionsRule: {
    keep: ['subscription { quotaChanged { spaces { used } } }'],
    break: [
      'subscription { quotaChanged { spaces { used } } spacesChanged { cursor } }',
      'subscription { __typename }',
      `subscription { ...A } fragment A on Subscription {
        quotaChanged { spaces { used } } spacesChanged { cursor }
      }`,
    ],
  },
  KnownTypeNamesRule: {
    keep: ['query ($id: ID!) { node(id: $id) { ... on Space { name } } }'],
    break: [
      'query ($id: Nothing!) { node(id: $id) { id } }',
      '{ node(id: "a") { ... on Nothing { id } } }',
      '{ viewer { ...A } } fragment A on Nothing { id }',
    ],
  },
  FragmentsOnCompositeTypesRule: {
    keep: ['{ node(id: "a") { ... on Node { id } } }'],
    break: [
      '{ viewer { ... on SpaceStatus { id } } }',
      '{ viewer { ...A } } fragment A on DateTime { id }',
      '{ viewer { ...A } } fragment A on SpaceFilter { owner }',
    ],
  },
  VariablesAreInputTypesRule: {
    keep: ['query ($filter: SpaceFilter) { spaces(filter: $filter) { nodes { id } } }'],
    break: ['query ($user: User) { viewer { id } }', 'query ($node: [Node!]) { viewer { id } }'],
  },
  ScalarLeafsRule: {
    keep: ['{ viewer { id } }'],
    break: ['{ viewer }', '{ viewer { id { length } } }', '{ viewer { id {} } }'],
  },
  FieldsOnCorrectTypeRule: {
    keep: ['{ node(id: "a") { id __typename } }', '{ __typename }'],
    break: [
      '{ nothing }',
      '{ viewer { nothing } }',
      '{ node(id: "a") { name } }',
      '{ viewer { __schema { description } } }',
    ],
  },
  UniqueFragmentNamesRule: {
    keep: ['{ viewer { ...A ...B } } fragment A on User { id } fragment B on User { id }'],
    break: ['{ viewer { ...A } } fragment A on User { id } fragment A on User { userName }'],
  },
  KnownFragmentNamesRule: {
    keep: ['{ viewer { ...A } } fragment A on User { id }'],
    break: ['{ viewer { ...Nothing } }'],
  },
  NoUnusedFragmentsRule: {
    keep: ['{ viewer { ...A } } fragment A on User { ...B } fragment B on User { id }'],
    break: [
      '{ viewer { id } } fragment A on User { id }',
      '{ viewer { id } } fragment A on User { ...B } fragment B on User { id }',
    ],
  },
  PossibleFragmentSpreadsRule: {
    keep: ['{ node(id: "a") { ... on Space { id } ... on Node { id } ...A } } fragment A on User { id }'],
    break: [
      '{ viewer { ... on Space { id } } }',
      '{ viewer { ...A } } fragment A on Space { id }',
      '{ node(id: "a") { ... on Quota { spaces { used } } } }',
      '{ node(id: "a") { ... on Problem { code } } }',
    ],
  },
  NoFragmentCyclesRule: {
    keep: ['{ viewer { ...A ...A } } fragment A on User { id }'],
    break: [
      '{ viewer { ...A } } fragment A on User { ...A }',
      '{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }',
    ],
  },
  UniqueVariableNamesRule: {
    keep: ['query ($a: ID!, $b: ID!) { a: node(id: $a) { id } b: node(id: $b) { id } }'],
    break: ['query ($a: ID!, $a: ID!) { node(id: $a) { id } }'],
  },
  NoUndefinedVariablesRule: {
    keep: ['query ($a: ID!) { ...A } fragment A on Query { node(id: $a) { id } }'],
    break: [
      '{ node(id: $a) { id } }',
      '{ ...A } fragment A on Query { node(id: $a) { id } }',
      'query A($a: ID!) { node(id: $a) { id } } query B { node(id: $a) { id } }',
      '{ spaces(filter: {owner: $a}) { nodes { id } } }',
    ],
  },
  NoUnusedVariablesRule: {
    keep: ['query ($a: Boolean!) { viewer { id @skip(if: $a) } }'],
    break: ['query ($a: ID) { viewer { id } }', 'query A($a: ID!) { viewer { id } } query B($a: ID!) { node(id: $a) { id } }'],
  },
  KnownDirectivesRule: {
    keep: ['{ viewer { id @skip(if: false) ... @include(if: true) { userName } } }'],
    break: [
      '{ viewer { id @nothing } }',
      'query @skip(if: true) { viewer { id } }',
      'query ($a: ID! @skip(if: true)) { node(id: $a) { id } }',
      '{ viewer { ...A } } fragment A on User @include(if: true) { id }',
      '{ viewer { id @deprecated } }',
      '{ viewer { id @specifiedBy(url: "a") } }',
    ],
  },
  UniqueDirectivesPerLocationRule: {
    keep: ['{ viewer { id @skip(if: false) @include(if: true) } }'],
    break: ['{ viewer { id @skip(if: false) @skip(if: false) } }'],
  },
  KnownArgumentNamesRule: {
    keep: ['{ spaces(first: 1) { nodes { id } } }'],
    break: [
      '{ spaces(nothing: 1) { nodes { id } } }',
      '{ viewer { id(nothing: 1) } }',
      '{ viewer { id @skip(if: true, nothing: 1) } }',
    ],
  },
  UniqueArgumentNamesRule: {
    keep: ['{ spaces(first: 1, after: "a") { nodes { id } } }'],
    break: [
      '{ spaces(first: 1, first: 1) { nodes { id } } }',
      '{ viewer { id @skip(if: true, if: true) } }',
    ],
  },
  ValuesOfCorrectTypeRule: {
    keep: [
      '{ spaces(first: 1, after: null, filter: {statuses: [RUNNING, STOPPED]}) { nodes { id } } }',
      '{ spaces(filter: {statuses: RUNNING}) { nodes { id } } }',
      '{ node(id: 1) { id } }',
      'query ($filter: SpaceFilter = {owner: "a"}) { spaces(filter: $filter) { nodes { id } } }',
      '{ spaces(filter: {}) { nodes { id } } }',
      'mutation { deleteUser(input: {userId: "a", spaces: {policy: DELETE}}) { cursor } }',
      `mutation ($name: String!) {
        deleteUser(input: {userId: "a", spaces: {transferTo: $name}}) { cursor }
      }`,
    ],
    break: [
      '{ spaces(first: "1") { nodes { id } } }',
      '{ spaces(first: 1.5) { nodes { id } } }',
      '{ spaces(first: 2147483648) { nodes { id } } }',
      '{ spaces(first: 99999999999999999999) { nodes { id } } }',
      '{ spaces(first: RUNNING) { nodes { id } } }',
      '{ spaces(first: true) { nodes { id } } }',
      '{ node(id: null) { id } }',
      '{ node(id: 1.5) { id } }',
      '{ node(id: [1]) { id } }',
      '{ node(id: {a: 1}) { id } }',
      '{ spaces(after: 1) { nodes { id } } }',
      '{ viewer { id @skip(if: "true") } }',
      '{ viewer { id @skip(if: 1) } }',
      '{ spaces(filter: {statuses: [NOTHING]}) { nodes { id } } }',
      '{ spaces(filter: {statuses: "RUNNING"}) { nodes { id } } }',
      '{ spaces(filter: {statuses: [null]}) { nodes { id } } }',
      '{ spaces(filter: {nothing: 1}) { nodes { id } } }',
      '{ spaces(filter: "a") { nodes { id } } }',
      'mutation { deleteUser(input: {userId: "a", spaces: {}}) { cursor } }',
      'mutation { deleteUser(input: {userId: "a", spaces: {policy: null}}) { cursor } }',
      `mutation {
        deleteUser(input: {userId: "a", spaces: {policy: DELETE, transferTo: "b"}}) { cursor }
      }`,
      'mutation { startSpace(input: {}) { cursor } }',
      'mutation { startSpace(input: {spaceId: null}) { cursor } }',
      'query ($n: Int = "1") { spaces(first: $n) { nodes { id } } }',
      'query ($n: Int! = null) { spaces(first: $n) { nodes { id } } }',
      'query ($filter: SpaceFilter = {nothing: 1}) { spaces(filter: $filter) { nodes { id } } }',
    ],
  },
  ProvidedRequiredArgumentsRule: {
    keep: ['{ node(id: "a") { id } }'],
    break: ['{ node { id } }', '{ viewer { id @skip } }', 'mutation { startSpace { cursor } }'],
  },
  VariablesInAllowedPositionRule: {
    keep: [
      'query ($id: ID!) { node(id: $id) { id } }',
      'query ($id: ID = "a") { node(id: $id) { id } }',
      'query ($s: SpaceStatus!) { spaces(filter: {statuses: [$s]}) { nodes { id } } }',
      'query ($s: [SpaceStatus!]!) { spaces(filter: {statuses: $s}) { nodes { id } } }',
    ],
    break: [
      'query ($id: ID) { node(id: $id) { id } }',
      'query ($id: ID = null) { node(id: $id) { id } }',
      'query ($id: String!) { node(id: $id) { id } }',
      'query ($n: Float) { spaces(first: $n) { nodes { id } } }',
      'query ($s: SpaceStatus) { spaces(filter: {statuses: [$s]}) { nodes { id } } }',
      'query ($s: [SpaceStatus]) { spaces(filter: {statuses: $s}) { nodes { id } } }',
      'query ($s: SpaceStatus!) { spaces(filter: {statuses: $s}) { nodes { id } } }',
      'query ($on: Boolean) { viewer { id @skip(if: $on) } }',
      'query ($id: ID) { ...A } fragment A on Query { node(id: $id) { id } }',
    ],
  },
  OverlappingFieldsCanBeMergedRule: {
    keep: [
      '{ viewer { id id } viewer { userName } }',
      '{ node(id: "a") { ... on Space { what: name } ... on User { what: userName } } }',
      '{ spaces(first: 1) { nodes { id } } spaces(first: 1) { nodes { name } } }',
    ],
    break: [
      '{ viewer { id: userName id } }',
      '{ spaces(first: 1) { nodes { id } } spaces(first: 2) { nodes { id } } }',
      '{ spaces(first: 1) { nodes { id } } spaces { nodes { id } } }',
      '{ viewer { ...A ...B } } fragment A on User { x: id } fragment B on User { x: userName }',
      '{ viewer { quota { x: spaces { used } } quota { x: tunnels { used } } } }',
      '{ node(id: "a") { ... on Space { x: name } ... on User { x: quota { spaces { used } } } } }',
      '{ node(id: "a") { ... on Space { x: computeUnits } ... on User { x: userName } } }',
    ],
  },
  UniqueInputFieldNamesRule: {
    keep: ['{ spaces(filter: {owner: "a", nameContains: "b"}) { nodes { id } } }'],
    break: ['{ spaces(filter: {owner: "a", owner: "b"}) { nodes { id } } }'],
  },
};

/** What is not even a document. */
const NO_DOCUMENTS = [
  '',
  '{',
  '{}',
  '{ viewer { id }',
  '{ viewer { id } } }',
  'query',
  'query () { viewer { id } }',
  'query ($a: ID = $b) { node(id: $a) { id } }',
  '{ viewer() { id } }',
  '{ viewer { id: } }',
  '{ ... }',
  '{ ...on }',
  'fragment on on User { id }',
  '{ node(id: "a) { id } }',
  '{ node(id: "\\x") { id } }',
  '{ node(id: "\\u{110000}") { id } }',
  '{ node(id: 01) { id } }',
  '{ node(id: 1a) { id } }',
  '{ node(id: .5) { id } }',
  '{ node(id: 1.) { id } }',
  '{ viewer { id } } # a comment\n?',
  '{ viewer @ { id } }',
  '\u0000{ viewer { id } }',
];

/** What is one, although it looks unusual. */
const DOCUMENTS = [
  '\ufeff{ viewer { id } }',
  '{,viewer,{,id,},}',
  '# a comment\r\n{ viewer { id } } # another',
  '{ node(id: """a "quoted" \\""" text""") { id } }',
  '{ node(id: "\\u0041\\n\\"") { id } }',
  '{ node(id: "") { id } }',
  '{ node(id: "é😀") { id } }',
  'query query { type: viewer { fragment: id on: userName } }',
  '{ spaces(first: -0) { nodes { id } } }',
];

const schema = buildClientSchema(
  await data(
    url,
    token,
    getIntrospectionQuery({
      descriptions: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
      schemaDescription: true,
      specifiedByUrl: true,
    }),
  ),
  { assumeValid: false },
);

/** What the specification asks for, without what graphql-js recommends beyond it. */
const rules = specifiedRules.filter((rule) => !recommendedRules.includes(rule));

/** Whether the reference implementation would execute it; all rules, or one alone. */
function isValid(query, applied = rules) {
  try {
    return validate(schema, parse(query), applied).length === 0;
  } catch {
    return false;
  }
}

/** What the server says. Asked for an operation that no document has, it executes nothing. */
async function isServed(query) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: bearer(token) },
    body: JSON.stringify({ query, operationName: 'no_such_operation' }),
  });
  const { errors } = await response.json();
  const codes = errors.map(({ extensions }) => extensions.code);
  if (codes[0] === 'OPERATION_RESOLUTION_FAILURE') return true;
  const refusals = ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED'];
  if (codes.every((code) => refusals.includes(code))) return false;
  throw new Error(JSON.stringify(errors));
}

const agrees = (query, expected, applied) => [
  JSON.stringify(query.replace(/\s+/g, ' ')),
  async () => {
    equal({ reference: isValid(query, applied) }, { reference: expected });
    equal({ server: await isServed(query) }, { server: expected });
  },
];

await runEach([
  ['the served schema is valid', async () => assertValidSchema(schema)],
  ['every rule is there', async () => {
    equal(Object.keys(RULES).sort(), rules.map((rule) => rule.name).sort());
  }],
  ...rules.flatMap((rule) => [
    ...(RULES[rule.name]?.keep ?? []).map((query) => agrees(query, true)),
    ...(RULES[rule.name]?.break ?? []).map((query) => agrees(query, false, [rule])),
  ]),
  ...NO_DOCUMENTS.map((query) => agrees(query, false)),
  ...DOCUMENTS.map((query) => agrees(query, true)),
]);
