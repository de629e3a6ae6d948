/** What the dashboard knows of every space, of its tunnels and of the viewer's quota. */

import { graphql, type FragmentOf } from "../graphql";

export const SpaceParts = graphql(`
  fragment SpaceParts on Space {
    id
    name
    description
    status
    desiredStatus
    revision
    computeUnits
    storageUnits
    createdAt
    startedAt
    stoppedAt
    viewerRelation
    failure {
      code
      message
      at
      exitCode
      oomKilled
      logTail
    }
    owner {
      id
      userName
      displayName
    }
    template {
      id
      name
    }
    templateVersion {
      number
      image
      cpu
      memoryMib
    }
    parameters {
      name
      value
      secret
    }
    shares {
      user {
        id
        userName
        displayName
      }
      createdAt
    }
    features {
      feature
      available
      reason
      url
    }
    ports {
      name
      port
      url
    }
    volumes {
      name
      mountPath
      sizeGib
      enforced
    }
    agent {
      version
    }
    apps {
      feature
      state
      restarts
      reason
      tunnel {
        state
        loginUrl
        loginCode
        name
        url
        reason
      }
    }
  }
`);

export const TunnelParts = graphql(`
  fragment TunnelParts on Tunnel {
    id
    name
    port
    enabled
    url
    createdAt
    space {
      id
    }
  }
`);

export const QuotaParts = graphql(`
  fragment QuotaParts on Quota {
    spaces {
      used
      limit
    }
    computeUnits {
      used
      limit
    }
    storageUnits {
      used
      limit
    }
    tunnels {
      used
      limit
    }
  }
`);

export type Space = FragmentOf<typeof SpaceParts>;
export type Tunnel = FragmentOf<typeof TunnelParts>;
export type Quota = FragmentOf<typeof QuotaParts>;

/** Whether the viewer may start, stop, change and delete it. */
export function isManaged({ viewerRelation }: Space): boolean {
  return viewerRelation === "OWNER" || viewerRelation === "ADMINISTRATOR";
}
