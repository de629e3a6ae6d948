/** What is live on every page: spaces, tunnels and quota, as their feeds tell them. */

import type { TadaDocumentNode } from "gql.tada";
import type { AnyVariables, Client } from "urql";

import type { Link } from "../connection/link";
import { graphql } from "../graphql";
import { QuotaParts, SpaceParts, TunnelParts, type Quota, type Space, type Tunnel } from "../spaces/space";
import { Cell } from "./cell";
import { answered, begun, empty, heard, mayBeEmpty, nothing, type Message, type Thing, type World } from "./merge";

const SpacesChanged = graphql(
  `
    subscription SpacesChanged($after: String) {
      spacesChanged(after: $after) {
        cursor
        change
        spaceId
        space {
          ...SpaceParts
        }
      }
    }
  `,
  [SpaceParts],
);

const TunnelsChanged = graphql(
  `
    subscription TunnelsChanged($after: String) {
      tunnelsChanged(after: $after) {
        cursor
        change
        tunnel {
          ...TunnelParts
        }
      }
    }
  `,
  [TunnelParts],
);

const QuotaChanged = graphql(
  `
    subscription QuotaChanged {
      quotaChanged {
        ...QuotaParts
      }
    }
  `,
  [QuotaParts],
);

const AnySpace = graphql(`
  query AnySpace {
    spaces(first: 1) {
      nodes {
        id
      }
    }
  }
`);

const AnyTunnel = graphql(`
  query AnyTunnel {
    tunnels(first: 1) {
      nodes {
        id
      }
    }
  }
`);

interface Source<Data, Found, T extends Thing> {
  document: TadaDocumentNode<Data, { after?: string | null | undefined }>;
  messageOf: (data: Data) => Message<T> | undefined;
  /** Asks whether there is any: of none, a feed says nothing. */
  any: TadaDocumentNode<Found, Record<string, never>>;
  isNone: (found: Found) => boolean;
}

export class Live {
  readonly spaces = new Cell<World<Space>>(nothing());
  readonly tunnels = new Cell<World<Tunnel>>(nothing());
  readonly quota = new Cell<Quota | undefined>(undefined);
  readonly #link: Link;
  readonly #api: Client;

  constructor(link: Link, api: Client) {
    this.#link = link;
    this.#api = api;
    this.#follow(this.spaces, {
      document: SpacesChanged,
      messageOf: ({ spacesChanged: { cursor, change, spaceId, space } }) => {
        if (change === "RESET") return { cursor, says: "reset" };
        if (change === "LOST" || change === "DELETED") {
          const id = spaceId ?? space?.id;
          return id ? { cursor, says: "gone", id, revision: space?.revision } : undefined;
        }
        const says = change === "SNAPSHOT" ? "snapshot" : "changed";
        return space ? { cursor, says, thing: space } : undefined;
      },
      any: AnySpace,
      isNone: ({ spaces }) => spaces.nodes.length === 0,
    });
    this.#follow(this.tunnels, {
      document: TunnelsChanged,
      messageOf: ({ tunnelsChanged: { cursor, change, tunnel } }) => {
        if (change === "RESET") return { cursor, says: "reset" };
        if (!tunnel) return undefined;
        if (change === "DELETED") return { cursor, says: "gone", id: tunnel.id, revision: undefined };
        return { cursor, says: change === "SNAPSHOT" ? "snapshot" : "changed", thing: tunnel };
      },
      any: AnyTunnel,
      isNone: ({ tunnels }) => tunnels.nodes.length === 0,
    });
    link.follow({
      document: QuotaChanged,
      variables: () => ({}),
      takes: ({ quotaChanged }) => this.quota.set(quotaChanged),
    });
  }

  /** Takes in what a mutation of a space answered. */
  answered(payload: { space: Space | null; cursor: string | null } | undefined): void {
    if (!payload?.space || payload.cursor === null) return;
    this.spaces.set(answered(this.spaces.get(), payload.space, payload.cursor));
  }

  #follow<Data, Found, T extends Thing>(cell: Cell<World<T>>, source: Source<Data, Found, T>): void {
    const look = this.#looker(cell, source);
    this.#link.state.watch(look);
    this.#link.follow({
      document: source.document,
      variables: () => ({ after: cell.get().after }),
      begins: () => {
        cell.set(begun(cell.get()));
        look();
      },
      takes: (data) => {
        const message = source.messageOf(data);
        if (message) cell.set(heard(cell.get(), message));
      },
    });
  }

  /**
   * Gives what looks whether there is anything, as long as the feed has said nothing. Each connection asks anew:
   * what was asked before it was lost may never be answered.
   */
  #looker<Data, Found, T extends Thing>(
    cell: Cell<World<T>>,
    { any, isNone }: Source<Data, Found, T>,
  ): () => void {
    let stop = (): void => {};
    const look = (): void => {
      stop();
      if (this.#link.state.get() !== "live" || !mayBeEmpty(cell.get())) return;
      const asked = this.#api.query(any, {} as AnyVariables as Record<string, never>).subscribe(({ data }) => {
        if (!data) this.#link.later(look);
        else if (isNone(data)) cell.set(empty(cell.get()));
      });
      stop = asked.unsubscribe;
    };
    return look;
  }
}
