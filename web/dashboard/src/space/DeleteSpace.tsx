import { useState } from "react";
import { useLocation } from "wouter";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { Problems } from "../forms/Problems";
import { Button } from "../parts/Button";
import { Modal } from "../parts/Modal";
import { useSession } from "../session/session";
import { DeleteSpace } from "../spaces/requests";
import type { Space } from "../spaces/space";

export function DeleteSpaceButton({ space }: { space: Space }) {
  const [isAsked, setIsAsked] = useState(false);
  return (
    <>
      <Button look="danger" onPress={() => setIsAsked(true)}>
        Delete…
      </Button>
      <Modal title={`Delete ${space.name}?`} isOpen={isAsked} onClose={() => setIsAsked(false)} isAlert>
        <Confirmation space={space} onClose={() => setIsAsked(false)} />
      </Modal>
    </>
  );
}

function Confirmation({ space, onClose }: { space: Space; onClose: () => void }) {
  const { live } = useSession();
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState("");
  const remove = useAction(DeleteSpace, (data) => data.deleteSpace);
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
        <Button onPress={onClose}>Keep it</Button>
        <Button type="submit" look="danger" isBusy={remove.isBusy} isDisabled={typed !== space.name}>
          Delete for good
        </Button>
      </div>
    </Form>
  );
}
