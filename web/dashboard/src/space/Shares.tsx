import { useState } from "react";
import { useLocation } from "wouter";

import { useAction } from "../forms/action";
import { ConfirmButton } from "../forms/ConfirmButton";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at, ProblemParts } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
import { graphql } from "../graphql";
import { Button } from "../parts/Button";
import { Stack } from "../parts/Stack";
import { useSession } from "../session/session";
import { SpaceAnswer } from "../spaces/requests";
import { isManaged, type Space } from "../spaces/space";

const ShareSpace = graphql(
  `mutation ShareSpace($input: ShareSpaceInput!) { shareSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

const UnshareSpace = graphql(
  `mutation UnshareSpace($input: UnshareSpaceInput!) { unshareSpace(input: $input) { ...SpaceAnswer } }`,
  [SpaceAnswer],
);

const LeaveSpace = graphql(
  `mutation LeaveSpace($input: SpaceIdInput!) { leaveSpace(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

/** Whom a space is shared with, and for who manages it, to change that. */
export function Shares({ space }: { space: Space }) {
  const { viewer } = useSession();
  const mayShare = isManaged(space) && viewer.permissions.has("SHARE_SPACES");
  return (
    <section className="card" aria-labelledby="shares">
      <h2 id="shares">Shared with</h2>
      {isManaged(space) ? (
        <>
          <p className="quiet">
            They see it and get a shell in it as you, where its template has one: whatever is in it is open to them there.
          </p>
          <Stack label="Shared with">
            {space.shares.map(({ user }) => (
              <Guest key={user.id} space={space} user={user} />
            ))}
          </Stack>
          {mayShare ? <NewShare space={space} /> : <p className="quiet">None of your roles lets you share it.</p>}
        </>
      ) : (
        <Leave space={space} />
      )}
    </section>
  );
}

function Guest({ space, user }: { space: Space; user: Space["shares"][number]["user"] }) {
  const { live } = useSession();
  const unshare = useAction(UnshareSpace, (data) => data.unshareSpace);
  return (
    <li>
      <div className="line-up">
        <strong>{user.userName}</strong>
        {user.displayName !== user.userName && <span className="quiet">{user.displayName}</span>}
        <span className="grow" />
        <ConfirmButton
          verb="Remove"
          what={`the share with ${user.userName}`}
          yes="Remove it"
          action={unshare}
          variables={{ input: { spaceId: space.id, userName: user.userName } }}
          onDone={(answer) => live.answered(answer)}
        >
          {user.userName} doesn’t see {space.name} any more, and what they have open in it ends. You can share it with
          them again.
        </ConfirmButton>
      </div>
    </li>
  );
}

function NewShare({ space }: { space: Space }) {
  const { live } = useSession();
  const [userName, setUserName] = useState("");
  const share = useAction(ShareSpace, (data) => data.shareSpace);
  const submit = async (): Promise<void> => {
    const answer = await share.run({ input: { spaceId: space.id, userName: userName.trim() } });
    live.answered(answer);
    if (answer) setUserName(replacing(userName, ""));
  };
  return (
    <Form className="new" onSubmit={submit} aria-label="Share">
      <div className="line">
        <Field
          label="User name"
          value={userName}
          onChange={setUserName}
          problem={at(share.problems, "userName")}
          isCode
          autoComplete="off"
        />
        <Button type="submit" isBusy={share.isBusy} isDisabled={userName.trim() === ""}>
          Share
        </Button>
      </div>
      <Problems of={share} shown={[["userName"]]} />
    </Form>
  );
}

function Leave({ space }: { space: Space }) {
  const [, navigate] = useLocation();
  const leave = useAction(LeaveSpace, (data) => data.leaveSpace);
  const go = async (): Promise<void> => {
    const answer = await leave.run({ input: { spaceId: space.id } });
    // Whoever has gone elsewhere by then stays there.
    if (answer && location.pathname.startsWith(`/spaces/${space.id}`)) navigate("/");
  };
  return (
    <>
      <p>
        {space.owner.userName} shares it with you: you see it and get a shell in it, by terminal or SSH.
      </p>
      <div className="buttons">
        <Button look="danger" isBusy={leave.isBusy} onPress={() => void go()}>
          Leave it
        </Button>
      </div>
      <Problems of={leave} />
    </>
  );
}
