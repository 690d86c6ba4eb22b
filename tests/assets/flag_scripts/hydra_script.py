import json

import hydra
from omegaconf import OmegaConf


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    print(json.dumps(OmegaConf.to_container(cfg, resolve=True)))


if __name__ == "__main__":
    main()
