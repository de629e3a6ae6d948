import { useState } from "react";

import { useAction } from "../forms/action";
import { ConfirmButton } from "../forms/ConfirmButton";
import { Button } from "../parts/Button";
import { Copyable } from "../parts/Copyable";
import { Stack } from "../parts/Stack";
import { Time } from "../parts/Time";
import { RevokeApiToken, type ApiToken } from "./documents";
import { NewApiToken } from "./NewApiToken";

interface Props {
  tokens: readonly ApiToken[];
  onChanged: () => void;
}

/** What has just come is read at once. */
const focus = (shown: HTMLElement | null): void => shown?.focus();

/** Tokens for programs. */
export function ApiTokens({ tokens, onChanged }: Props) {
  const [made, setMade] = useState<string>();
  const valid = tokens.filter(({ revokedAt }) => revokedAt === null);
  return (
    <section className="card" aria-labelledby="tokens">
      <h2 id="tokens">API tokens</h2>
      {valid.length === 0 && <p className="quiet">None. Programs sign in with one, and can’t do more than you.</p>}
      <Stack label="API tokens">
        {valid.map((token) => (
          <TokenRow key={token.id} token={token} onChanged={onChanged} />
        ))}
      </Stack>
      {made !== undefined && (
        <div className="notice" role="status" tabIndex={-1} ref={focus}>
          <p>
            <strong>Your new token.</strong> It is shown here and never again: copy it now.
          </p>
          <Copyable text={made} what="the token" />
          <Button isSmall onPress={() => setMade(undefined)}>
            I have it
          </Button>
        </div>
      )}
      {/* Another one would take the place of what isn't kept yet. */}
      <div hidden={made !== undefined}>
        <NewApiToken
          onMade={(token) => {
            setMade(token);
            onChanged();
          }}
        />
      </div>
    </section>
  );
}

function TokenRow({ token, onChanged }: { token: ApiToken; onChanged: () => void }) {
  const { id, name, scopes, createdAt, expiresAt, lastUsedAt } = token;
  const revoke = useAction(RevokeApiToken, (data) => data.revokeApiToken);
  return (
    <li>
      <div className="line-up">
        <strong>{name}</strong>
        {scopes.map((scope) => (
          <span key={scope} className="tag">
            {scope.toLowerCase()}
          </span>
        ))}
        <span className="grow" />
        <ConfirmButton
          verb="Revoke"
          what={`the token ${name}`}
          action={revoke}
          variables={{ input: { tokenId: id } }}
          onDone={onChanged}
        >
          Programs can’t use it any more, and what they have open by it ends.
        </ConfirmButton>
      </div>
      <p className="hint">
        Made <Time at={createdAt} />, {lastUsedAt ? <>last used <Time at={lastUsedAt} /></> : "never used"},{" "}
        {expiresAt ? <>ends <Time at={expiresAt} /></> : "doesn’t end by itself"}
      </p>
    </li>
  );
}
