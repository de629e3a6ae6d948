import { Switch } from "react-aria-components";

import { useAction } from "../forms/action";
import { ProblemParts } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { graphql } from "../graphql";
import { useCell } from "../live/cell";
import { things } from "../live/merge";
import { Copyable } from "../parts/Copyable";
import { Stack } from "../parts/Stack";
import { Tick } from "../parts/Tick";
import { useSession } from "../session/session";
import { isManaged, type Space, type Tunnel } from "../spaces/space";
import { DeleteTunnelButton } from "./DeleteTunnel";
import { barOf } from "./features";
import { NewTunnel } from "./NewTunnel";

const UpdateTunnel = graphql(
  `mutation UpdateTunnel($input: UpdateTunnelInput!) { updateTunnel(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

/**
 * The public hostnames into a space. They are changed here and shown as their feed tells them: tunnels
 * count no changes, so an answer could be older than what is shown already.
 */
export function Tunnels({ space }: { space: Space }) {
  const { live } = useSession();
  const world = useCell(live.tunnels);
  const tunnels = things(world).filter((tunnel) => tunnel.space?.id === space.id);
  const bar = barOf(space, "TUNNELS");
  if (!isManaged(space)) return null;
  return (
    <section className="card" aria-labelledby="tunnels">
      <h2 id="tunnels">Tunnels</h2>
      <p className="quiet">Public addresses for ports: whoever knows one gets in, without signing in.</p>
      <Stack label="Tunnels">
        {tunnels.map((tunnel) => (
          <TunnelRow key={tunnel.id} tunnel={tunnel} />
        ))}
      </Stack>
      {bar ? <p className="quiet">{bar}.</p> : <NewTunnel space={space} />}
    </section>
  );
}

function TunnelRow({ tunnel }: { tunnel: Tunnel }) {
  const { id, name, port, enabled, url } = tunnel;
  const update = useAction(UpdateTunnel, (data) => data.updateTunnel);
  return (
    <li className="tunnel">
      <div className="line-up">
        <strong>{name}</strong>
        <span className="quiet">to port {port}</span>
        <span className="grow" />
        <Switch
          className="check"
          isSelected={enabled}
          isReadOnly={update.isBusy}
          onChange={(enabled) => void update.run({ input: { tunnelId: id, enabled } })}
          aria-label={`Let visitors in by ${name}`}
        >
          <Tick /> {enabled ? "Open" : "Closed"}
        </Switch>
        <DeleteTunnelButton tunnel={tunnel} />
      </div>
      <Copyable text={url} what={`the address of ${name}`}>
        <a href={url} target="_blank" rel="noopener noreferrer">
          {url}
        </a>
      </Copyable>
      <Problems of={update} />
    </li>
  );
}
