import { ProblemParts } from "../forms/problems";
import { graphql, type ResultOf } from "../graphql";

export const Account = graphql(`
  query Account {
    viewer {
      id
      userName
      displayName
      sshKeys {
        id
        name
        fingerprint
        algorithm
        createdAt
        lastUsedAt
      }
      apiTokens {
        id
        name
        createdAt
        expiresAt
        scopes
        lastUsedAt
        revokedAt
      }
      sessions {
        id
        createdAt
        lastUsedAt
        expiresAt
        address
        userAgent
        current
      }
    }
  }
`);

type Viewer = ResultOf<typeof Account>["viewer"];
export type SshKey = NonNullable<Viewer["sshKeys"]>[number];
export type ApiToken = NonNullable<Viewer["apiTokens"]>[number];
export type Session = NonNullable<Viewer["sessions"]>[number];

export const AddSshKey = graphql(
  `mutation AddSshKey($input: AddSshKeyInput!) { addSshKey(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

export const RemoveSshKey = graphql(
  `mutation RemoveSshKey($input: SshKeyIdInput!) { removeSshKey(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

export const CreateApiToken = graphql(
  `
    mutation CreateApiToken($input: CreateApiTokenInput!) {
      createApiToken(input: $input) {
        token
        problems {
          ...ProblemParts
        }
      }
    }
  `,
  [ProblemParts],
);

export const RevokeApiToken = graphql(
  `mutation RevokeApiToken($input: ApiTokenIdInput!) { revokeApiToken(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

export const RevokeSession = graphql(
  `mutation RevokeSession($input: SessionIdInput!) { revokeSession(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

export const ChangePassword = graphql(
  `mutation ChangePassword($input: ChangePasswordInput!) { changePassword(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);
