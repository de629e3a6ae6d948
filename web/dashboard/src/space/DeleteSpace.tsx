import { useState } from "react";
import { useLocation } from "wouter";

import { useAction, type Action } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { Problems } from "../forms/Problems";
import type { FragmentOf, VariablesOf } from "../graphql";
import { Button } from "../parts/Button";
import { Modal } from "../parts/Modal";
import { useSession } from "../session/session";
import { DeleteSpace, type SpaceAnswer } from "../spaces/requests";
import type { Space } from "../spaces/space";

export function DeleteSpaceButton({ space }: { space: Space }) {
  const [isAsked, setIsAsked] = useState(false);
  const remove = useAction(DeleteSpace, (data) => data.deleteSpace);
  const close = (): void => {
    // What is under way can’t be held back any more, and says there what it comes to.
    if (remove.isBusy) return;
    setIsAsked(false);
    remove.clear();
  };
  return (
    <>
      <Button look="danger" onPress={() => setIsAsked(true)}>
        Delete…
      </Button>
      <Modal title={`Delete ${space.name}?`} isOpen={isAsked} onClose={close} isAlert>
        <Confirmation space={space} remove={remove} onClose={close} />
      </Modal>
    </>
  );
}

interface ConfirmationProps {
  space: Space;
  remove: Action<VariablesOf<typeof DeleteSpace>, FragmentOf<typeof SpaceAnswer>>;
  onClose: () => void;
}

function Confirmation({ space, remove, onClose }: ConfirmationProps) {
  const { live } = useSession();
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState("");
  const submit = async (): Promise<void> => {
    if (typed !== space.name) return;
    const answer = await remove.run({ input: { spaceId: space.id } });
    live.answered(answer);
    // Its end may be told before it is answered, and whoever has gone elsewhere by then stays there.
    if (answer && location.pathname.startsWith(`/spaces/${space.id}`)) navigate("/");
  };
  const volumes = space.volumes.map(({ name }) => name).join(", ");
  return (
    <Form onSubmit={submit}>
      <p>
        It goes for good, with its tunnels{volumes && ` and everything in its volumes (${volumes})`}. Nobody can
        bring it back.
      </p>
      <Field label={`Type ${space.name} to confirm`} value={typed} onChange={setTyped} isCode autoFocus autoComplete="off" />
      <Problems of={remove} />
      <div className="buttons">
        <Button isBusy={remove.isBusy} onPress={onClose}>
          Keep it
        </Button>
        <Button type="submit" look="danger" isBusy={remove.isBusy} isDisabled={typed !== space.name}>
          Delete for good
        </Button>
      </div>
    </Form>
  );
}
