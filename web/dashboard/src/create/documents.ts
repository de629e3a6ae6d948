import { ProblemParts } from "../forms/problems";
import { graphql, type FragmentOf } from "../graphql";
import { SpaceParts } from "../spaces/space";

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
  `
    mutation CreateSpace($input: CreateSpaceInput!) {
      createSpace(input: $input) {
        space {
          ...SpaceParts
        }
        problems {
          ...ProblemParts
        }
        cursor
      }
    }
  `,
  [SpaceParts, ProblemParts],
);
