import { useQuery } from "urql";

import { useKnown } from "../connection/known";
import { useCell } from "../live/cell";
import { Fault } from "../parts/Fault";
import { useSession } from "../session/session";
import { QuotaBars } from "../spaces/QuotaBars";
import { ApiTokens } from "./ApiTokens";
import { Developer } from "./Developer";
import { Account } from "./documents";
import { Password } from "./Password";
import { Sessions } from "./Sessions";
import { SshKeys } from "./SshKeys";

export function AccountPage() {
  const { live, viewer } = useSession();
  const quota = useCell(live.quota);
  const [{ data, error }, query] = useQuery({ query: Account });
  const ask = (): void => query();
  const account = useKnown(data)?.viewer;
  return (
    <>
      <title>Account · Spaceport</title>
      <div className="head">
        <div>
          <h1>{viewer.displayName}</h1>
          {viewer.displayName !== viewer.userName && <span className="quiet">{viewer.userName}</span>}
        </div>
      </div>
      <QuotaBars quota={quota} />
      {error && <Fault of={error} again={ask} />}
      {account ? (
        <div className="columns">
          <div>
            <SshKeys keys={account.sshKeys ?? []} onChanged={ask} />
            <ApiTokens tokens={account.apiTokens ?? []} onChanged={ask} />
          </div>
          <div>
            <Sessions sessions={account.sessions ?? []} onChanged={ask} />
            <Password userName={viewer.userName} onChanged={ask} />
            <Developer />
          </div>
        </div>
      ) : (
        !error && <p role="status">Loading…</p>
      )}
    </>
  );
}
