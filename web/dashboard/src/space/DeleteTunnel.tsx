import { useAction } from "../forms/action";
import { ConfirmButton } from "../forms/ConfirmButton";
import { ProblemParts } from "../forms/problems";
import { graphql } from "../graphql";
import type { Tunnel } from "../spaces/space";

const DeleteTunnel = graphql(
  `mutation DeleteTunnel($input: TunnelIdInput!) { deleteTunnel(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

export function DeleteTunnelButton({ tunnel }: { tunnel: Tunnel }) {
  const remove = useAction(DeleteTunnel, (data) => data.deleteTunnel);
  return (
    <ConfirmButton
      verb="Delete"
      what={`the tunnel ${tunnel.name}`}
      action={remove}
      variables={{ input: { tunnelId: tunnel.id } }}
    >
      Whoever comes to <span className="breaks">{tunnel.url}</span> gets in no more. To shut it for a while, close it
      instead.
    </ConfirmButton>
  );
}
