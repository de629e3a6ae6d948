import { Label, Radio, RadioGroup } from "react-aria-components";

import { featureName } from "../space/features";
import type { OfferedTemplate } from "./documents";

interface Props {
  templates: OfferedTemplate[];
  chosen: string;
  onChoose: (id: string) => void;
}

export function TemplateChoice({ templates, chosen, onChoose }: Props) {
  return (
    <RadioGroup className="radios" value={chosen} onChange={onChoose}>
      <Label className="label">Template</Label>
      <div className="choices">
        {templates.map(({ id, name, description, version }) => (
          <Radio key={id} value={id} className="choice">
            <span className="title">{name}</span>
            {description && <span>{description}</span>}
            <span className="hint">{version?.features.map(featureName).join(", ")}</span>
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
