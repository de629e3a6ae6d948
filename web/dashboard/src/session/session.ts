/** Everything that is open while somebody is signed in. */

import { createContext, useContext } from "react";
import type { Client } from "urql";

import { createApi, GRAPHQL_PATH } from "../connection/client";
import { Link } from "../connection/link";
import { graphql } from "../graphql";
import { Live } from "../live/live";

export const ViewerDocument = graphql(`
  query Viewer {
    viewer {
      id
      userName
      displayName
      roles {
        permissions
      }
    }
  }
`);

export interface Session {
  api: Client;
  link: Link;
  live: Live;
  close: () => void;
}

/** Opens what belongs to a token; `ended` is called once, when the token holds no more. */
export function openSession(token: string, ended: () => void): Session {
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    ended();
  };
  const api = createApi(token, end);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  // The answer that the token doesn't hold ends the session, like every such answer.
  const doubt = (): void => void api.query(ViewerDocument, {}).toPromise();
  const link = new Link(`${scheme}//${location.host}${GRAPHQL_PATH}`, token, doubt);
  const live = new Live(link, api);
  const close = (): void => {
    isOver = true;
    link.close();
  };
  return { api, link, live, close };
}

export interface Viewer {
  id: string;
  userName: string;
  displayName: string;
  permissions: ReadonlySet<string>;
}

export interface SignedIn extends Session {
  viewer: Viewer;
  signOut: () => void;
}

export const SignedInContext = createContext<SignedIn | undefined>(undefined);

export function useSession(): SignedIn {
  const session = useContext(SignedInContext);
  if (!session) throw new Error("nobody is signed in here");
  return session;
}
