import json

import fire


def train(data, lr=0.1, amp=False, name="run", layers=[1, 2], n: int = 3, opt=None):
    print(json.dumps(locals()))


if __name__ == "__main__":
    fire.Fire(train)
