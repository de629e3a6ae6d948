/** Documents, typed from the API's own schema: one that doesn't fit it fails the build. */

import { initGraphQLTada } from "gql.tada";

import type { introspection } from "../generated/schema";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from "gql.tada";
