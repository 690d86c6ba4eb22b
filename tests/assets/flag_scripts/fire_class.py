import json

import fire


class T:
    def __init__(self, lr=0.1):
        self.lr = lr

    def fit(self, epochs=3):
        print(json.dumps({"lr": self.lr, "epochs": epochs}))

    def test(self):
        pass


if __name__ == "__main__":
    fire.Fire(T)
