/** What can be asked of a space as a whole. */

import { ProblemParts } from "../forms/problems";
import { graphql } from "../graphql";
import { SpaceParts } from "./space";

export const SpaceAnswer = graphql(
  `
    fragment SpaceAnswer on SpacePayload {
      space {
        ...SpaceParts
      }
      problems {
        ...ProblemParts
      }
      cursor
    }
  `,
  [SpaceParts, ProblemParts],
);

export const StartSpace = graphql(
  `mutation StartSpace($input: SpaceIdInput!) { startSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

export const StopSpace = graphql(
  `mutation StopSpace($input: SpaceIdInput!) { stopSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

export const RestartSpace = graphql(
  `mutation RestartSpace($input: SpaceIdInput!) { restartSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

export const DeleteSpace = graphql(
  `mutation DeleteSpace($input: SpaceIdInput!) { deleteSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

export const UpdateSpace = graphql(
  `mutation UpdateSpace($input: UpdateSpaceInput!) { updateSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);
