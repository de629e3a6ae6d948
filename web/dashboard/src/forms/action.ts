/** One mutation of a form or a button: whether it is under way, and what it came to. */

import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useContext, useEffect, useRef, useState } from "react";
import { useClient, type AnyVariables } from "urql";

import { faultOf } from "../connection/client";
import { SignedInContext } from "../session/session";
import type { Problem } from "./problems";

export interface Outcome {
  isBusy: boolean;
  /** What was refused; nothing has changed then. */
  problems: readonly Problem[];
  /** What failed; whether something has changed isn't known then. */
  fault: string | undefined;
  /** Whether that is for want of a connection. */
  isUnreached: boolean;
}

export interface Action<Variables, Payload> extends Outcome {
  /** Gives the answer when it was carried out. While one is under way, no other is begun. */
  run: (variables: Variables) => Promise<Payload | undefined>;
  /** Forgets what it came to, if that is known yet. */
  clear: () => void;
}

const IDLE: Outcome = { isBusy: false, problems: [], fault: undefined, isUnreached: false };

export function useAction<
  Data,
  Variables extends AnyVariables,
  Payload extends { problems: readonly Problem[] },
>(
  document: TadaDocumentNode<Data, Variables>,
  payloadOf: (data: Data) => Payload,
): Action<Variables, Payload> {
  const client = useClient();
  const [outcome, setOutcome] = useState(IDLE);
  const isUnderWay = useRef(false);
  const run = async (variables: Variables): Promise<Payload | undefined> => {
    if (isUnderWay.current) return undefined;
    isUnderWay.current = true;
    setOutcome({ ...IDLE, isBusy: true });
    const { data, error } = await client.mutation(document, variables).toPromise();
    isUnderWay.current = false;
    const payload = data ? payloadOf(data) : undefined;
    const fault = error ? faultOf(error) : undefined;
    const problems = payload?.problems ?? [];
    setOutcome({ isBusy: false, problems, fault, isUnreached: Boolean(error?.networkError) });
    return fault === undefined && problems.length === 0 ? payload : undefined;
  };
  const clear = useCallback(() => setOutcome((now) => (now.isBusy ? now : IDLE)), []);
  const link = useContext(SignedInContext)?.link;
  useEffect(() => {
    // Once there is a connection again, its want is nobody's matter any more.
    if (!link || !outcome.isUnreached) return;
    return link.state.watch(() => link.state.get() === "live" && clear());
  }, [link, outcome.isUnreached, clear]);
  return { ...outcome, run, clear };
}
