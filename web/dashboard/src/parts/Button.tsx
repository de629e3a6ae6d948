import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends Omit<ButtonProps, "className"> {
  look?: "primary" | "danger" | "quiet";
  isSmall?: boolean;
}

export function Button({ look, isSmall, ...props }: Props) {
  const classes = ["button", look, isSmall && "small"].filter(Boolean).join(" ");
  return <AriaButton {...props} className={classes} />;
}
