import { useState } from "react";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
import { Button } from "../parts/Button";
import { useSession } from "../session/session";
import { UpdateSpace } from "../spaces/requests";
import type { Space } from "../spaces/space";

type Text = Pick<Space, "name" | "description">;

/** Name and description. What somebody else changes meanwhile is shown, and never overwritten unseen. */
export function Settings({ space }: { space: Space }) {
  const { live } = useSession();
  // What was read when the typing began, and what was typed since.
  const [base, setBase] = useState<Space>(space);
  const [typed, setTyped] = useState<Text>({ name: space.name, description: space.description });
  const update = useAction(UpdateSpace, (data) => data.updateSpace);
  const [isSaved, setIsSaved] = useState(false);

  const isTouched = typed.name !== base.name || typed.description !== base.description;
  const isElsewhere = space.name !== base.name || space.description !== base.description;
  // Nothing was typed: what comes from elsewhere is simply shown.
  if (!isTouched && isElsewhere) {
    setBase(space);
    setTyped({ name: space.name, description: space.description });
  }
  const change = (part: Partial<Text>): void => {
    setTyped({ ...typed, ...part });
    setIsSaved(false);
    update.clear();
  };
  /** The revision that was read, unless nothing that is edited here has changed since. */
  const revision = isElsewhere ? base.revision : space.revision;
  const submit = async (): Promise<void> => {
    const answer = await update.run({ input: { spaceId: space.id, ...typed, revision } });
    live.answered(answer);
    if (!answer?.space) return;
    setBase(answer.space);
    setTyped(replacing<Text>(typed, { name: answer.space.name, description: answer.space.description }));
    setIsSaved(true);
  };
  const hasConflict = update.problems.some(({ code }) => code === "REVISION_CONFLICT");
  return (
    <Form className="card settings" onSubmit={submit} aria-labelledby="settings">
      <h2 id="settings">Name and description</h2>
      <Field
        label="Name"
        value={typed.name}
        onChange={(name) => change({ name })}
        problem={at(update.problems, "name")}
        hint="Another name makes other addresses of its apps."
        isCode
        autoComplete="off"
      />
      <Field
        label="Description"
        value={typed.description}
        onChange={(description) => change({ description })}
        problem={at(update.problems, "description")}
        isMultiline
      />
      {isTouched && isElsewhere && (
        <Elsewhere
          space={space}
          hasConflict={hasConflict}
          onKeep={() => {
            setBase(space);
            update.clear();
          }}
          onTake={() => {
            setBase(space);
            setTyped({ name: space.name, description: space.description });
            update.clear();
          }}
        />
      )}
      <Problems of={update} shown={[["name"], ["description"], ...(isElsewhere ? [["revision"]] : [])]} />
      <div className="buttons">
        <Button type="submit" look="primary" isBusy={update.isBusy} isDisabled={!isTouched}>
          Save
        </Button>
        <span role="status" className="quiet">
          {isSaved && !isTouched ? "Saved." : ""}
        </span>
      </div>
    </Form>
  );
}

interface ElsewhereProps {
  space: Text;
  hasConflict: boolean;
  onKeep: () => void;
  onTake: () => void;
}

function Elsewhere({ space, hasConflict, onKeep, onTake }: ElsewhereProps) {
  return (
    <div className={hasConflict ? "alert" : "notice"} role="alert">
      <p>
        <strong>{hasConflict ? "Not saved: somebody else was faster." : "Somebody else has changed it meanwhile."}</strong>{" "}
        What you typed is still here. It is now:
      </p>
      <dl className="facts">
        <dt>Name</dt>
        <dd>
          <code>{space.name}</code>
        </dd>
        <dt>Description</dt>
        <dd>{space.description || "none"}</dd>
      </dl>
      <div className="buttons">
        <Button isSmall onPress={onKeep}>
          Keep what I typed
        </Button>
        <Button isSmall onPress={onTake}>
          Take theirs
        </Button>
      </div>
    </div>
  );
}
