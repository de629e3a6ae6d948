import { graphql, type FragmentOf } from "../graphql";
import { SpaceAnswer } from "../spaces/requests";

const OfferedTemplateParts = graphql(`
  fragment OfferedTemplateParts on Template {
    id
    name
    description
    version {
      computeUnits
      storageUnits
      cpu
      memoryMib
      features
      variables {
        name
        description
        default
        secret
      }
    }
  }
`);

export type OfferedTemplate = FragmentOf<typeof OfferedTemplateParts>;

export const Templates = graphql(
  `
    query Templates($after: String) {
      templates(first: 100, after: $after) {
        nodes {
          ...OfferedTemplateParts
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [OfferedTemplateParts],
);

export const CreateSpace = graphql(
  `mutation CreateSpace($input: CreateSpaceInput!) { createSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);
