"""Short names that configs use, as `"module:object"` strings: looking one up imports just its module."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "model": {
        "MAE": "selfscope.models.mae:MAE",
        "MAEPretrainDecoder": "selfscope.models.mae:MAEPretrainDecoder",
        "MAEPretrainHead": "selfscope.models.mae:MAEPretrainHead",
        "SimMIM": "selfscope.models.simmim:SimMIM",
        "SimMIMNeck": "selfscope.models.simmim:SimMIMNeck",
        "SimMIMLinearDecoder": "selfscope.models.simmim:SimMIMNeck",
        "SimMIMHead": "selfscope.models.simmim:SimMIMHead",
        "MaskFeat": "selfscope.models.maskfeat:MaskFeat",
        "MaskFeatPretrainHead": "selfscope.models.maskfeat:MaskFeatPretrainHead",
        "MIMHead": "selfscope.models.maskfeat:MaskFeatPretrainHead",
        "HOGGenerator": "selfscope.models.hog:HOGGenerator",
        "ImageClassifier": "selfscope.models.classifier:ImageClassifier",
        "VisionTransformer": "selfscope.models.vit:VisionTransformer",
        "MAEViT": "selfscope.models.vit:MAEViT",
        "MaskFeatViT": "selfscope.models.vit:MaskFeatViT",
        "MoCoV3ViT": "selfscope.models.vit:MoCoV3ViT",
        "SwinTransformer": "selfscope.models.swin:SwinTransformer",
        "SimMIMSwinTransformer": "selfscope.models.swin:SimMIMSwinTransformer",
        "ResNet": "selfscope.models.resnet:ResNet",
        "ResNetSobel": "selfscope.models.resnet:ResNetSobel",
        "GlobalAveragePooling": "selfscope.models.necks:GlobalAveragePooling",
        "AvgPool2dNeck": "selfscope.models.necks:GlobalAveragePooling",
        "LinearNeck": "selfscope.models.necks:LinearNeck",
        "MoCoV2Neck": "selfscope.models.necks:MoCoV2Neck",
        "NonLinearNeck": "selfscope.models.necks:NonLinearNeck",
        "ClsBatchNormNeck": "selfscope.models.necks:ClsBatchNormNeck",
        "LinearClsHead": "selfscope.models.heads:LinearClsHead",
        "VisionTransformerClsHead": "selfscope.models.heads:VisionTransformerClsHead",
    },
    "dataset": {},
    "transform": {},
    "hook": {},
    "visualizer": {
        "Visualizer": "selfscope.visualization.visualizer:Visualizer",
        "SelfSupVisualizer": "selfscope.visualization.selfsup:SelfSupVisualizer",
    },
    "visbackend": {
        "LocalVisBackend": "selfscope.visualization.backends.local:LocalVisBackend",
    },
}
