import argparse
import json

cp = argparse.ArgumentParser(add_help=False)
cp.add_argument("-c", "--config", default="")
cp.add_argument("--only-first", type=int)
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.1)
p.add_argument("--config", default="")


def main():
    c, rem = cp.parse_known_args()
    if c.config:
        p.set_defaults(lr=3)
    a = p.parse_args(rem)
    print(json.dumps(vars(a)))


main()
