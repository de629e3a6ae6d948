import { useState } from "react";

import { useAction } from "../forms/action";
import { ProblemParts } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { graphql } from "../graphql";
import { Button } from "../parts/Button";
import { Modal } from "../parts/Modal";
import type { Tunnel } from "../spaces/space";

const DeleteTunnel = graphql(
  `mutation DeleteTunnel($input: TunnelIdInput!) { deleteTunnel(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

/** Deletes a tunnel once it is confirmed: whoever clicks twice would else delete the next one, too. */
export function DeleteTunnelButton({ tunnel }: { tunnel: Tunnel }) {
  const { id, name, url } = tunnel;
  const [isAsked, setIsAsked] = useState(false);
  const remove = useAction(DeleteTunnel, (data) => data.deleteTunnel);
  const close = (): void => {
    setIsAsked(false);
    remove.clear();
  };
  const go = async (): Promise<void> => {
    if (await remove.run({ input: { tunnelId: id } })) setIsAsked(false);
  };
  return (
    <>
      <Button isSmall look="danger" aria-label={`Delete the tunnel ${name}`} onPress={() => setIsAsked(true)}>
        Delete…
      </Button>
      <Modal title={`Delete the tunnel ${name}?`} isOpen={isAsked} onClose={close} isAlert>
        <p>
          Whoever comes to <span className="breaks">{url}</span> gets in no more. To shut it for a while, close it
          instead.
        </p>
        <Problems of={remove} />
        <div className="buttons">
          <Button autoFocus onPress={close}>
            Keep it
          </Button>
          <Button look="danger" isBusy={remove.isBusy} onPress={() => void go()}>
            Delete for good
          </Button>
        </div>
      </Modal>
    </>
  );
}
