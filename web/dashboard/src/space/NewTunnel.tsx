import { useState } from "react";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at, ProblemParts } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
import { graphql } from "../graphql";
import { Button } from "../parts/Button";
import type { Space } from "../spaces/space";

const CreateTunnel = graphql(
  `mutation CreateTunnel($input: CreateTunnelInput!) { createTunnel(input: $input) { problems { ...ProblemParts } } }`,
  [ProblemParts],
);

const LAST_PORT = 65_535;

/** The number of a port; nothing when it is none. */
function portOf(text: string): number | undefined {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= LAST_PORT ? port : undefined;
}

export function NewTunnel({ space }: { space: Space }) {
  const [port, setPort] = useState(String(space.ports[0]?.port ?? ""));
  const [name, setName] = useState("");
  const [isTried, setIsTried] = useState(false);
  const create = useAction(CreateTunnel, (data) => data.createTunnel);
  const number = portOf(port);
  const submit = async (): Promise<void> => {
    setIsTried(true);
    if (number === undefined) return;
    const input = { spaceId: space.id, port: number, name: name === "" ? null : name };
    if (!(await create.run({ input }))) return;
    setName(replacing(name, ""));
    setIsTried(false);
  };
  const wrongPort = isTried && number === undefined ? `A number from 1 to ${LAST_PORT}.` : undefined;
  return (
    <Form className="new" onSubmit={submit} aria-label="New tunnel">
      <div className="line">
        <Field
          label="Port"
          value={port}
          onChange={setPort}
          problem={wrongPort ?? at(create.problems, "port")}
          isCode
          autoComplete="off"
        />
        <Field
          label="Name"
          value={name}
          onChange={setName}
          problem={at(create.problems, "name")}
          placeholder={`${space.name}-${number ?? "port"}`}
          isCode
          autoComplete="off"
        />
        <Button type="submit" isBusy={create.isBusy}>
          Create tunnel
        </Button>
      </div>
      <Problems of={create} shown={[["port"], ["name"]]} />
    </Form>
  );
}
