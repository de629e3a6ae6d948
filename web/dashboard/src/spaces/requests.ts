/** What can be asked of a space as a whole. */

import { ProblemParts } from "../forms/problems";
import { graphql } from "../graphql";
import { SpaceParts } from "./space";

export const StartSpace = graphql(
  `
    mutation StartSpace($input: SpaceIdInput!) {
      startSpace(input: $input) {
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

export const StopSpace = graphql(
  `
    mutation StopSpace($input: SpaceIdInput!) {
      stopSpace(input: $input) {
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

export const RestartSpace = graphql(
  `
    mutation RestartSpace($input: SpaceIdInput!) {
      restartSpace(input: $input) {
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

export const DeleteSpace = graphql(
  `
    mutation DeleteSpace($input: SpaceIdInput!) {
      deleteSpace(input: $input) {
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

export const UpdateSpace = graphql(
  `
    mutation UpdateSpace($input: UpdateSpaceInput!) {
      updateSpace(input: $input) {
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
